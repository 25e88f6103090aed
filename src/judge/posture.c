/* The posture (stage judge): findings and the watermark → level, keys, and whether a lead must confirm.
 * posture_people.c holds what people decide, posture_text.c what is printed and saved, posture_criteria.c
 * reads the criteria. Drawing and invariants: posture.h. */
#include "judge/posture.h"

#include <stdio.h>

#include "base/memory.h"
#include "judge/posture_state.h"

struct posture *posture_new(const struct posture_criteria *criteria,
                            void (*changed)(void *context, const struct posture_view *view, int64_t time_ns),
                            void *context)
{
    struct posture *p = NEW(struct posture);
    *p = (struct posture){.criteria = criteria, .changed = changed, .context = context};
    p->state.watermark_ns = INT64_MIN;
    return p;
}

void posture_free(struct posture *p)
{
    memory_free(p);
}

void posture_copy_text(char *to, size_t room, struct str text)
{
    size_t n = str_utf8_start(text, room - 1).n;
    if (n > 0)
        memcpy(to, text.p, n);
    memset(to + n, 0, room - n);
}

/* -------------------------------------------------------------------- levels */

static bool has_keys(const struct posture *p, enum posture_level level)
{
    for (uint32_t i = 0; i < p->state.key_count; i++)
        if (p->state.keys[i].level == level)
            return true;
    return false;
}

static bool has_notice(const struct posture *p)
{
    for (uint32_t i = 0; i < p->state.notice_count; i++)
        if (p->state.notices[i].is_confirmed && p->state.notices[i].until_ns > p->state.watermark_ns)
            return true;
    return false;
}

static bool holds_yellow(const struct posture *p)
{
    return has_keys(p, POSTURE_YELLOW) || has_notice(p);
}

static enum posture_level computed_level(const struct posture *p)
{
    if (has_keys(p, POSTURE_ORANGE))
        return POSTURE_ORANGE;
    return holds_yellow(p) ? POSTURE_YELLOW : POSTURE_GREEN;
}

enum posture_level posture_level(const struct posture *p)
{
    const struct posture_override *o = &p->state.override;
    return o->expires_ns ? (enum posture_level)o->level : computed_level(p);
}

/* Orange has been quiet: its latest evidence lies far enough back. */
static bool is_orange_quiet(const struct posture *p)
{
    int64_t last_ns = INT64_MIN;
    for (uint32_t i = 0; i < p->state.key_count; i++)
        if (p->state.keys[i].level == POSTURE_ORANGE && p->state.keys[i].last_ns > last_ns)
            last_ns = p->state.keys[i].last_ns;
    return last_ns != INT64_MIN && p->state.watermark_ns > last_ns &&
           p->state.watermark_ns - last_ns >= p->criteria->orange_quiet_ns;
}

void posture_view(const struct posture *p, struct posture_view *out)
{
    *out = (struct posture_view){.level = posture_level(p),
                                 .computed = computed_level(p),
                                 .awaits_confirmation = is_orange_quiet(p),
                                 .since_ns = p->state.since_ns,
                                 .override = p->state.override.expires_ns ? &p->state.override : NULL,
                                 .notices = p->state.notices,
                                 .notice_count = p->state.notice_count};
    out->is_yellow_noted = out->computed > POSTURE_YELLOW && holds_yellow(p);
    for (int level = POSTURE_ORANGE; level >= POSTURE_YELLOW; level--)
        for (uint32_t i = 0; i < p->state.key_count; i++)
            if (p->state.keys[i].level == level)
                out->keys[out->key_count++] = &p->state.keys[i];
}

void posture_tell(struct posture *p, int64_t time_ns)
{
    struct posture_view view;
    posture_view(p, &view);
    if (view.level != p->state.told_level)
        p->state.since_ns = view.since_ns = time_ns;
    p->state.told_level = (uint8_t)view.level;
    if (p->changed != NULL)
        p->changed(p->context, &view, time_ns);
}

/* ------------------------------------------------------------------ evidence */

static void forget_oldest_key(struct posture_state *s)
{
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < s->key_count; i++)
        if (s->keys[i].last_ns < s->keys[oldest].last_ns)
            oldest = i;
    memmove(&s->keys[oldest], &s->keys[oldest + 1], (--s->key_count - oldest) * sizeof *s->keys);
    s->forgotten++;
}

/* True when it is a new one. */
static bool note_key(struct posture *p, enum posture_level level, struct str text, const struct finding *f)
{
    struct posture_state *s = &p->state;
    char cut[POSTURE_TEXT_MAX];
    posture_copy_text(cut, sizeof cut, text);
    for (uint32_t i = 0; i < s->key_count; i++)
        if (s->keys[i].level == level && strcmp(s->keys[i].text, cut) == 0) {
            if (f->time_ns > s->keys[i].last_ns)
                s->keys[i].last_ns = f->time_ns;
            return false;
        }
    if (s->key_count == POSTURE_KEYS_MAX)
        forget_oldest_key(s);
    struct posture_key *key = &s->keys[s->key_count++];
    memset(key, 0, sizeof *key);
    memcpy(key->text, cut, sizeof cut);
    posture_copy_text(key->rule, sizeof key->rule, f->rule_id);
    key->level = (uint8_t)level;
    key->first_ns = key->last_ns = f->time_ns;
    return true;
}

/* The rule's text with {} replaced. */
static struct str name_key(const struct posture_rule *r, struct str value, char *room, size_t size)
{
    size_t hole = str_find(r->text, STR("{}"), 0);
    if (r->text.n == 0)
        return value;
    if (hole == STR_NOT_FOUND)
        return r->text;
    int n = snprintf(room, size, "%.*s%.*s%.*s", (int)hole, r->text.p, STR_ARGS(value),
                     (int)(r->text.n - hole - 2), r->text.p + hole + 2);
    return str_n(room, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}

static bool note_keys(struct posture *p, const struct posture_rule *r, struct str values,
                      const struct finding *f)
{
    char room[POSTURE_TEXT_MAX * 2];
    struct str rest = values.n ? values : f->title_en;
    bool is_news = false;
    while (rest.n) {
        size_t end = str_find_char(rest, '\n', 0);
        struct str value = end == STR_NOT_FOUND ? rest : str_slice(rest, 0, end);
        rest = end == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, end + 1);
        is_news |= note_key(p, r->to, name_key(r, value, room, sizeof room), f);
    }
    return is_news;
}

static struct str matched(const struct finding *f, struct str name)
{
    for (uint32_t i = 0; name.n && i < f->matched_count; i++)
        if (str_eq(f->matched[i].name, name))
            return f->matched[i].text;
    return STR_EMPTY;
}

/* The group of hosts that are counted for this rule and value; the one that was used longest ago makes room.
 */
static struct posture_group *find_group(struct posture_state *s, uint64_t hash, int64_t time_ns)
{
    struct posture_group *oldest = &s->groups[0];
    for (uint32_t i = 0; i < POSTURE_GROUPS_MAX; i++) {
        struct posture_group *g = &s->groups[i];
        if (g->hash == hash)
            return g;
        if (g->used_ns < oldest->used_ns)
            oldest = g;
    }
    if (oldest->hash != 0)
        s->forgotten++;
    memset(oldest, 0, sizeof *oldest);
    *oldest = (struct posture_group){.hash = hash, .used_ns = time_ns};
    return oldest;
}

/* Different hosts within the time, this one included. */
static uint32_t count_sources(struct posture_group *g, uint64_t host, int64_t time_ns, int64_t within_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->hosts[i] != host && time_ns - g->times_ns[i] <= within_ns) {
            g->hosts[kept] = g->hosts[i];
            g->times_ns[kept++] = g->times_ns[i];
        }
    if (kept == POSTURE_SOURCES_MAX) { /* enough of them: the oldest goes */
        memmove(g->hosts, g->hosts + 1, (kept - 1) * sizeof *g->hosts);
        memmove(g->times_ns, g->times_ns + 1, (kept - 1) * sizeof *g->times_ns);
        kept--;
    }
    g->hosts[kept] = host;
    g->times_ns[kept] = time_ns;
    g->count = kept + 1;
    g->used_ns = time_ns > g->used_ns ? time_ns : g->used_ns;
    return g->count;
}

static bool has_enough_sources(struct posture *p, const struct posture_rule *r, const struct finding *f)
{
    struct str host = f->host_ip.n ? f->host_ip : f->host_name, value = matched(f, r->same);
    if (r->sources <= 1)
        return true;
    if (host.n == 0 || (r->same.n && value.n == 0))
        return false;
    uint64_t hash = (str_hash(value) ^ (uint64_t)(r - p->criteria->rules + 1) * 0x9e3779b97f4a7c15u) | 1;
    struct posture_group *g = find_group(&p->state, hash, f->time_ns);
    return count_sources(g, str_hash_nocase(host), f->time_ns, r->within_ns) >= r->sources;
}

static bool names(const struct posture_rule *r, struct str rule_id)
{
    for (uint32_t i = 0; i < r->finding_count; i++)
        if (str_eq(r->findings[i], rule_id))
            return true;
    return false;
}

void posture_take(struct posture *p, const struct finding *f)
{
    bool is_news = false;
    for (uint32_t i = 0; i < p->criteria->rule_count; i++) {
        const struct posture_rule *r = &p->criteria->rules[i];
        if (!names(r, f->rule_id) || f->exception != 0 || !has_enough_sources(p, r, f))
            continue;
        struct str values = matched(f, r->keys.n ? r->keys : r->same);
        is_news |= note_keys(p, r, values, f);
    }
    if (is_news)
        posture_tell(p, f->time_ns);
    posture_reach(p, f->time_ns);
}

/* ----------------------------------------------------------------- time goes */

/* Yellow keys go one by one after their quiet time; Orange ones stay until a lead has confirmed. */
static bool drop_quiet_yellow(struct posture *p)
{
    struct posture_state *s = &p->state;
    uint32_t kept = 0, before = s->key_count;
    for (uint32_t i = 0; i < before; i++)
        if (s->keys[i].level != POSTURE_YELLOW ||
            s->watermark_ns - s->keys[i].last_ns < p->criteria->yellow_quiet_ns)
            s->keys[kept++] = s->keys[i];
    s->key_count = kept;
    return kept != before;
}

void posture_reach(struct posture *p, int64_t watermark_ns)
{
    struct posture_state *s = &p->state;
    if (watermark_ns <= s->watermark_ns)
        return;
    bool had_notice = has_notice(p), has_news = false;
    s->watermark_ns = watermark_ns;
    if (s->key_count == 0 && s->override.expires_ns == 0 && s->notice_count == 0)
        return;
    if (s->override.expires_ns != 0 && watermark_ns >= s->override.expires_ns) {
        memset(&s->override, 0, sizeof s->override);
        has_news = true;
    }
    has_news |= drop_quiet_yellow(p) || had_notice != has_notice(p);
    if (has_news)
        posture_tell(p, watermark_ns);
}
