/* Names in notes become rows of those who are meant. Next: work/work_mention.c, where they are read. */
#include "server/mentions.h"

#include "base/arena.h"
#include "console/roles.h"
#include "incident/mention.h"
#include "store/state_users.h"

#define NAMES_MOST 50 /* of one note */

struct naming {
    const struct mention_source *source;
    struct state *state;
    struct arena *arena;
    struct mention_outcome *out;
    struct user *users;
    uint32_t user_count;
};

static bool add_once(struct str *list, uint32_t *count, struct str name)
{
    for (uint32_t i = 0; i < *count; i++)
        if (str_eq_nocase(list[i], name))
            return false;
    if (*count == NAMES_MOST)
        return false;
    list[(*count)++] = name;
    return true;
}

/* The longest name of an account that it begins with. */
static const struct user *whose(const struct naming *n, struct str name)
{
    const struct user *found = NULL;
    for (uint32_t i = 0; i < n->user_count; i++)
        if (mention_is(name, n->users[i].name) && (found == NULL || n->users[i].name.n > found->name.n))
            found = &n->users[i];
    return found;
}

static bool add_row(const struct naming *n, struct str account, struct error *err)
{
    const struct mention_source *m = n->source;
    struct work_row row = {0};
    row.values[MENTION_INCIDENT] = work_text_of((int64_t)m->incident, n->arena);
    row.values[MENTION_KIND] = str_c(m->kind);
    row.values[MENTION_ITEM] = work_text_of((int64_t)m->item, n->arena);
    row.values[MENTION_ACCOUNT] = account;
    row.values[MENTION_WHO] = m->author;
    row.values[MENTION_TEXT] = m->text;
    row.values[MENTION_WRITTEN] = work_text_of(m->at_ns, n->arena);
    return state_work_add(n->state, WORK_MENTION, &row, err);
}

static bool take(const struct naming *n, struct str name, struct error *err)
{
    struct mention_outcome *out = n->out;
    const struct user *user = whose(n, name);
    unsigned roles = 0;
    if (user != NULL && str_eq_nocase(user->name, n->source->author))
        return true;
    bool is_reached = user != NULL && !user->disabled && roles_parse(user->roles, &roles) &&
                      n->source->may_see(n->source->context, user->name, roles);
    if (!is_reached) {
        add_once(out->unreached, &out->unreached_count, user ? user->name : mention_shown(name));
        return true;
    }
    return !add_once(out->told, &out->told_count, user->name) || add_row(n, user->name, err);
}

bool mentions_add(struct state *s, const struct mention_source *m, struct arena *arena,
                  struct mention_outcome *out, struct error *err)
{
    struct naming n = {.source = m, .state = s, .arena = arena, .out = out};
    struct str rest = m->text, names = m->names, name;
    *out = (struct mention_outcome){.told = ARENA_ARRAY(arena, struct str, NAMES_MOST),
                                    .unreached = ARENA_ARRAY(arena, struct str, NAMES_MOST)};
    if (!state_users_list(s, arena, &n.users, &n.user_count, err))
        return false;
    while (mention_next(&rest, &name))
        if (!take(&n, name, err))
            return false;
    while (names.n && str_split(&names, ';', &name)) {
        name = str_trim(str_trim_chars(str_trim(name), "@"));
        if (name.n && !take(&n, name, err))
            return false;
    }
    return true;
}

void mentions_members(const struct mention_outcome *out, struct json_writer *w)
{
    json_put_texts(w, "told", out->told, out->told_count);
    json_put_texts(w, "unreached", out->unreached, out->unreached_count);
}
