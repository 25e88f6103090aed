/* Every name that a case must not say. The inventory may hold 100,000 of them, and a redactor compares all it
 * knows at every letter: so only those that occur in the text are told to it. Next: library_write.c. */
#include "base/ip.h"
#include "base/map.h"
#include "enrich/context.h"
#include "store/state_users.h"
#include "store/store.h"
#include "work/library.h"
#include "work/outside.h"

struct names {
    struct casework *c;
    struct redactor *redactor;
    struct str raw;
    struct map words; /* of raw, in lower case, as a whole and by their parts */
};

/* ------------------------------------------------------------------- words */

static bool is_of_word(char ch)
{
    return (unsigned char)ch >= 0x80 || ascii_is_digit(ch) ||
           (ascii_lower(ch) >= 'a' && ascii_lower(ch) <= 'z') || strchr("_-.:@+%", ch) != NULL;
}

static void add_word(struct names *n, struct str word)
{
    if (word.n > 1)
        map_put(&n->words, arena_lower(n->c->arena, word), NULL);
}

/* "pc7.corp.example" also as "pc7", "abe@corp.example" also as "abe". */
static void add_token(struct names *n, struct str token)
{
    size_t dot, at;
    token = str_trim_chars(token, ".:-@+%");
    dot = str_find_char(token, '.', 0);
    at = str_find_char(token, '@', 0);
    add_word(n, token);
    if (dot != STR_NOT_FOUND)
        add_word(n, str_slice(token, 0, dot));
    if (at != STR_NOT_FOUND)
        add_word(n, str_slice(token, 0, at));
    size_t colon = str_find_last_char(token, ':');
    if (colon != STR_NOT_FOUND)
        add_word(n, str_slice(token, 0, colon));
}

static void find_words(struct names *n)
{
    size_t begin = 0;
    for (size_t i = 0; i <= n->raw.n; i++)
        if (i == n->raw.n || n->raw.p[i] == '\0' || !is_of_word(n->raw.p[i])) {
            if (i > begin)
                add_token(n, str_slice(n->raw, begin, i));
            begin = i + 1;
        }
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* A word of the text; what is not ASCII or has spaces has no clear ends and is looked for anywhere. */
static bool occurs(const struct names *n, struct str value)
{
    if (value.n < 2)
        return false;
    if (!is_ascii(value) || str_find_char(value, ' ', 0) != STR_NOT_FOUND)
        return str_contains(n->raw, value);
    return map_find(&n->words, arena_lower(n->c->arena, value)) != NULL;
}

static void know(struct names *n, enum redact_kind kind, struct str value)
{
    if (occurs(n, value))
        redactor_know(n->redactor, kind, value);
}

/* An account as CORP\abe, abe@corp.example, or abe. */
static void know_user(struct names *n, struct str user)
{
    size_t slash = str_find_last_char(user, '\\'), at = str_find_char(user, '@', 0);
    know(n, REDACT_USER, user);
    if (slash != STR_NOT_FOUND)
        know(n, REDACT_USER, str_skip(user, slash + 1));
    if (at != STR_NOT_FOUND)
        know(n, REDACT_USER, str_slice(user, 0, at));
}

static void know_host(struct names *n, struct str host)
{
    size_t dot = str_find_char(host, '.', 0);
    know(n, REDACT_HOST, host);
    if (dot == STR_NOT_FOUND)
        return;
    know(n, REDACT_HOST, str_slice(host, 0, dot));
    struct str domain = str_skip(host, dot + 1);
    if (str_find_char(domain, '.', 0) != STR_NOT_FOUND && str_contains_nocase(n->raw, domain))
        redactor_know(n->redactor, REDACT_DEPARTMENT, domain);
}

/* A department's name is a word of the language too ("it"): only as it is written. */
static void know_body(struct names *n, struct str name)
{
    if (name.n > 1 && str_contains(n->raw, name))
        redactor_know(n->redactor, REDACT_DEPARTMENT, name);
}

/* -------------------------------------------------------------------- where */

static void learn_inventory(struct names *n, const struct asset_set *set)
{
    for (uint32_t i = 0; i < set->counts[ASSET_HOSTS]; i++) {
        const struct asset_host *h = &set->hosts[i];
        know_host(n, h->hostname);
        know_user(n, h->owner);
        know_body(n, h->department);
        for (uint32_t k = 0; k < h->ips.count; k++)
            know(n, REDACT_IP, h->ips.items[k]);
        for (uint32_t k = 0; k < h->macs.count; k++)
            know(n, REDACT_HOST, h->macs.items[k]);
    }
    for (uint32_t i = 0; i < set->counts[ASSET_USERS]; i++) {
        know_user(n, set->users[i].user);
        know_body(n, set->users[i].department);
    }
    for (uint32_t i = 0; i < set->counts[ASSET_DEPARTMENTS]; i++)
        know_body(n, set->departments[i].department);
}

/* Public addresses that are ours by their network. */
static void learn_addresses(struct names *n, const struct context *context)
{
    struct ip ip;
    for (uint32_t i = 0; i < n->words.count; i++) {
        struct str word = n->words.entries[i].key;
        if (ip_parse(word, &ip) && context_is_inside(context, word, n->c->now_ns))
            redactor_know(n->redactor, REDACT_IP, word);
    }
}

static bool learn_accounts(struct names *n)
{
    struct user *users;
    uint32_t count;
    struct error err;
    if (!state_users_list(n->c->s->state, n->c->arena, &users, &count, &err))
        return work_fail(n->c, 500, &err);
    for (uint32_t i = 0; i < count; i++)
        know_user(n, users[i].name);
    return true;
}

static bool learn_registers(struct names *n)
{
    static const struct {
        enum work_table table;
        int name, persons[4]; /* of the body; of people, −1 = no more */
    } places[] = {
        {WORK_CONTACT, -1, {CONTACT_PERSON, CONTACT_ACCOUNT, CONTACT_PHONE, CONTACT_MAIL}},
        {WORK_VENDOR, VENDOR_NAME, {VENDOR_CONTACT, VENDOR_PHONE, VENDOR_MAIL, -1}},
        {WORK_PARTNER, PARTNER_NAME, {PARTNER_CONTACT, PARTNER_PHONE, PARTNER_MAIL, -1}},
    };
    for (size_t t = 0; t < COUNT_OF(places); t++) {
        struct work_rows rows;
        if (!work_all_rows(n->c, places[t].table, &rows))
            return false;
        for (uint32_t i = 0; i < rows.count; i++) {
            const struct work_row *row = &rows.rows[i];
            if (places[t].name >= 0)
                know_body(n, row->values[places[t].name]);
            for (int k = 0; k < 4 && places[t].persons[k] >= 0; k++)
                if (str_contains_nocase(n->raw, row->values[places[t].persons[k]]))
                    redactor_know(n->redactor, REDACT_USER, row->values[places[t].persons[k]]);
        }
    }
    return true;
}

/* Whoever entered, did or decided something, with or without an account today. */
static void learn_actors(struct names *n, const struct library_source *source)
{
    for (uint32_t i = 0; i < source->change_count; i++)
        if (!str_eq(source->changes[i].who, STR("hyakuyo"))) /* the machine */
            redactor_know(n->redactor, REDACT_USER, source->changes[i].who);
    for (uint32_t i = 0; i < source->entries.count; i++)
        redactor_know(n->redactor, REDACT_USER, source->entries.rows[i].values[ENTRY_WHO]);
    for (uint32_t i = 0; i < source->approvals.count; i++)
        redactor_know(n->redactor, REDACT_USER, source->approvals.rows[i].values[APPROVAL_PROPOSED_BY]);
    for (uint32_t i = 0; i < source->tasks.count; i++) {
        redactor_know(n->redactor, REDACT_USER, source->tasks.rows[i].values[TASK_ASSIGNEE]);
        if (!str_eq(source->tasks.rows[i].values[TASK_DONE_BY], STR("hyakuyo")))
            redactor_know(n->redactor, REDACT_USER, source->tasks.rows[i].values[TASK_DONE_BY]);
    }
    for (uint32_t i = 0; i < source->hosts.count; i++) {
        redactor_know(n->redactor, REDACT_HOST, source->hosts.rows[i].values[HOST_HOST]);
        redactor_know(n->redactor, REDACT_IP, source->hosts.rows[i].values[HOST_IP]);
    }
    for (uint32_t i = 0; i < source->countermeasures.count; i++) {
        const struct str *v = source->countermeasures.rows[i].values;
        struct ip ip;
        if (!str_eq(v[COUNTERMEASURE_DEVICE], STR("access"))) /* who was cut off is one's own */
            continue;
        if (ip_parse(v[COUNTERMEASURE_TARGET], &ip))
            redactor_know(n->redactor, REDACT_IP, v[COUNTERMEASURE_TARGET]);
        else
            know_host(n, v[COUNTERMEASURE_TARGET]);
    }
}

static bool learn_event(void *context, size_t index, const struct event *e)
{
    struct names *n = context;
    (void)index;
    know_host(n, event_text(e, FIELD_HOST_NAME));
    know_user(n, event_text(e, FIELD_USER_NAME));
    return true;
}

static bool learn_events(struct names *n, const struct incident *incident)
{
    struct error err;
    uint64_t *sequences = ARENA_ARRAY(n->c->arena, uint64_t, 2 * incident->finding_count + 1);
    size_t count = 0;
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        sequences[count++] = incident->findings[i].first_sequence;
        if (incident->findings[i].last_sequence != incident->findings[i].first_sequence)
            sequences[count++] = incident->findings[i].last_sequence;
    }
    return store_fetch(n->c->s->store, sequences, count, learn_event, n, &err) || work_fail(n->c, 500, &err);
}

bool library_learn_names(struct casework *c, const struct library_source *source, struct str raw,
                         struct redactor *redactor)
{
    struct names n = {.c = c, .redactor = redactor, .raw = raw};
    struct context *context = engine_context(c->s->engine);
    find_words(&n);
    redactor_know_incident(redactor, &source->incident);
    know_body(&n, c->s->outside->organisation);
    learn_actors(&n, source);
    if (context != NULL) {
        learn_inventory(&n, context_assets(context));
        learn_addresses(&n, context);
    }
    bool ok = learn_accounts(&n) && learn_registers(&n) && learn_events(&n, &source->incident);
    context_unref(context);
    map_free(&n.words);
    return ok;
}
