/* Reads content/identity.yml, and makes facts of events by it (stage enrich). Reads any fields; leaves
 * batch->facts for identity.c. */
#include "enrich/identity_rules.h"

#include "base/ip.h"
#include "base/log.h"
#include "base/yaml.h"

#define CHOICES_MAX 16 /* fields in one list */

struct condition {
    field_id field;
    struct str *values; /* lower case */
    uint32_t count;
};

struct fields {
    field_id list[CHOICES_MAX]; /* FIELD_NONE ends it */
};

struct rule {
    struct condition *when, *unless;
    uint32_t when_count, unless_count;
    enum identity_relation relation;
    struct str by;
    struct fields key, mac, host, user, session, seconds;
    int64_t lasts_ns;
    bool is_end, is_weak;
};

struct identity_rules {
    struct arena arena;
    struct rule *rules;
    uint32_t count;
    struct condition not_people;
    struct identity_limits limits;
};

/* ------------------------------------------------------------------ values */

struct str identity_mac(struct str text, struct arena *a)
{
    char out[17];
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = ascii_lower(text.p[i]);
        if (c == ':' || c == '-' || c == '.')
            continue;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) || digits == 12)
            return STR_EMPTY;
        out[digits / 2 * 3 + digits % 2] = c;
        digits++;
    }
    if (digits != 12)
        return STR_EMPTY;
    for (size_t i = 2; i < sizeof out; i += 3)
        out[i] = '-';
    struct str mac = str_n(out, sizeof out);
    return str_eq(mac, STR("00-00-00-00-00-00")) || str_eq(mac, STR("ff-ff-ff-ff-ff-ff")) ? STR_EMPTY
                                                                                          : arena_str(a, mac);
}

struct str identity_short_name(struct str name)
{
    struct ip ip;
    return ip_parse(name, &ip) ? STR_EMPTY : str_slice(name, 0, str_find_char(name, '.', 0));
}

/* Both in lower case but for the value; '*' at either end of the pattern stands for anything. */
static bool value_matches(struct str pattern, struct str value)
{
    bool open_start = pattern.n && pattern.p[0] == '*';
    bool open_end = pattern.n && pattern.p[pattern.n - 1] == '*';
    struct str core = str_slice(pattern, open_start, pattern.n - (open_end && pattern.n > 1));
    if (!open_start && !open_end)
        return str_eq_nocase(core, value);
    if (core.n > value.n)
        return false;
    if (!open_end)
        return str_ends_nocase(value, core);
    if (!open_start)
        return str_eq_nocase(str_slice(value, 0, core.n), core);
    for (size_t i = 0; i + core.n <= value.n; i++)
        if (str_eq_nocase(str_slice(value, i, i + core.n), core))
            return true;
    return false;
}

static bool is_one_of(const struct condition *c, struct str value)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (value_matches(c->values[i], value))
            return true;
    return false;
}

static bool holds(const struct condition *c, const struct event *e)
{
    for (const struct value *v = event_get(e, c->field); v != NULL; v = event_next(e, v))
        if (field_get(c->field)->type <= TYPE_IP && is_one_of(c, value_text(v)))
            return true;
    return false;
}

/* ----------------------------------------------------------------- reading */

struct reader {
    const char *path;
    struct identity_rules *out;
    struct error *err;
};

static bool bad(struct reader *r, const struct yaml *at, const char *en, const char *ja)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 0, "%s", tr(en, ja));
}

static field_id read_field(struct reader *r, struct str name)
{
    field_id known = field_find(name);
    return known != FIELD_NONE ? known : field_intern(arena_str(&r->out->arena, name));
}

/* A scalar, or a list of scalars. */
static bool read_values(struct reader *r, const struct yaml *node, struct condition *out)
{
    const struct yaml *first = node->type == YAML_LIST ? node->child : node;
    out->values = ARENA_ARRAY(&r->out->arena, struct str, node->count + 1);
    for (const struct yaml *v = first; v != NULL; v = node->type == YAML_LIST ? v->next : NULL) {
        if (v->type != YAML_SCALAR || v->text.n == 0)
            return bad(r, v, "write one value, or a list of values in [ ]",
                       "値を 1 つか、[ ] で囲んだ一覧で書いてください");
        out->values[out->count++] = arena_lower(&r->out->arena, v->text);
    }
    return out->count > 0 ||
           bad(r, node, "the list is empty; write a value", "一覧が空です。値を書いてください");
}

static bool read_conditions(struct reader *r, const struct yaml *map, struct condition **out, uint32_t *count)
{
    *count = 0;
    if (map == NULL)
        return true;
    if (map->type != YAML_MAP)
        return bad(r, map, "write fields with their values: {field: [value]}",
                   "{項目: [値]} の形で書いてください");
    *out = ARENA_ARRAY(&r->out->arena, struct condition, map->count);
    for (const struct yaml *m = map->child; m != NULL; m = m->next, ++*count) {
        (*out)[*count].field = read_field(r, m->key);
        if (!read_values(r, m, &(*out)[*count]))
            return false;
    }
    return true;
}

static bool read_fields(struct reader *r, const struct yaml *map, const char *name, struct fields *out)
{
    const struct yaml *list = yaml_get(map, name);
    size_t n = 0;
    if (list == NULL)
        return true;
    if (list->type != YAML_LIST || list->count >= CHOICES_MAX)
        return bad(r, list, "write a list of at most 15 fields", "項目の一覧(15 個まで)を書いてください");
    for (const struct yaml *v = list->child; v != NULL; v = v->next)
        out->list[n++] = read_field(r, v->text);
    return true;
}

static bool read_relation(struct reader *r, const struct yaml *map, enum identity_relation *out)
{
    struct str text = yaml_text(map, "relation");
    for (int i = 0; i < IDENTITY_RELATION_COUNT; i++)
        if (i != IDENTITY_NAME && str_eq(text, identity_relation_name((enum identity_relation)i))) {
            *out = (enum identity_relation)i;
            return true;
        }
    return bad(r, map, "'relation' must be device, tenant or session",
               "relation は device、tenant、session のどれかです");
}

static bool read_rule(struct reader *r, const struct yaml *map, struct rule *out)
{
    int64_t hours = yaml_int(map, "hours", 24);
    out->by = arena_str(&r->out->arena, yaml_text(map, "by"));
    out->is_end = yaml_bool(map, "ends", false);
    out->is_weak = yaml_bool(map, "weak", false);
    out->lasts_ns = hours * 3600 * NS_PER_SECOND;
    if (out->by.n == 0 || hours < 1 || hours > 24 * 400)
        return bad(r, map, "a statement needs 'by', and 'hours' from 1 to 9600",
                   "by と、1 から 9600 までの hours が必要です");
    if (!read_relation(r, map, &out->relation) ||
        !read_conditions(r, yaml_get(map, "when"), &out->when, &out->when_count) ||
        !read_conditions(r, yaml_get(map, "unless"), &out->unless, &out->unless_count) ||
        !read_fields(r, map, "key", &out->key) || !read_fields(r, map, "mac", &out->mac) ||
        !read_fields(r, map, "host", &out->host) || !read_fields(r, map, "user", &out->user) ||
        !read_fields(r, map, "session", &out->session) || !read_fields(r, map, "seconds", &out->seconds))
        return false;
    return (out->when_count && out->key.list[0] != FIELD_NONE) ||
           bad(r, map, "a statement needs 'when' and 'key'", "when と key が必要です");
}

static bool read_limits(struct reader *r, const struct yaml *map)
{
    int64_t intervals = yaml_int(map, "intervals", 0), days = yaml_int(map, "days", 0),
            history = yaml_int(map, "history_days", 0);
    const int64_t day_ns = 86400 * NS_PER_SECOND;
    if (intervals < 1000 || intervals > 10000000 || days < 1 || days > 400 || history < days ||
        history > 36500)
        return bad(
            r, map,
            "'limits' needs intervals (1000 to 10000000), days (1 to 400) and history_days (days to 36500)",
            "limits には intervals(1000〜10000000)、days(1〜400)、history_days(days〜36500)が必要です");
    r->out->limits = (struct identity_limits){(uint32_t)intervals, days * day_ns, history * day_ns};
    return true;
}

static bool read_all(struct reader *r, const struct yaml *top)
{
    const struct yaml *facts = yaml_get(top, "facts"), *not_people = yaml_get(top, "not_people");
    if (facts == NULL || facts->type != YAML_LIST || facts->count == 0)
        return bad(r, top, "'facts' must be a list of statements", "facts に言明の一覧を書いてください");
    if (!read_limits(r, yaml_get(top, "limits")) ||
        (not_people != NULL && !read_values(r, not_people, &r->out->not_people)))
        return false;
    r->out->rules = ARENA_ARRAY(&r->out->arena, struct rule, facts->count);
    for (const struct yaml *f = facts->child; f != NULL; f = f->next)
        if (!read_rule(r, f, &r->out->rules[r->out->count++]))
            return false;
    return true;
}

struct identity_rules *identity_rules_load(const char *path, struct error *err)
{
    struct identity_rules *rules = NEW(struct identity_rules);
    struct reader r = {path, rules, err};
    struct arena scratch;
    arena_init(&rules->arena, 8 << 10);
    arena_init(&scratch, 64 << 10);
    struct yaml *top = yaml_load(path, &scratch, err);
    bool ok = top != NULL && read_all(&r, top);
    arena_free(&scratch);
    if (ok)
        return rules;
    identity_rules_free(rules);
    return NULL;
}

void identity_rules_free(struct identity_rules *r)
{
    if (r == NULL)
        return;
    arena_free(&r->arena);
    memory_free(r);
}

struct identity_limits identity_rules_limits(const struct identity_rules *r)
{
    return r->limits;
}

/* -------------------------------------------------------------- extraction */

static struct str first_text(const struct event *e, const struct fields *f, struct arena *a)
{
    for (size_t i = 0; f->list[i] != FIELD_NONE; i++) {
        const struct value *v = event_get(e, f->list[i]);
        struct str text = v != NULL ? value_as_text(v, a) : STR_EMPTY;
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

/* Not the unspecified one, loopback, link-local or multicast. */
static bool is_of_one_computer(const struct ip *ip)
{
    const uint8_t *b = ip->bytes;
    if (ip_is_v4(ip))
        return b[12] != 0 && b[12] != 127 && b[12] < 224 && !(b[12] == 169 && b[13] == 254);
    return b[0] != 0 && b[0] != 0xff && !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/* In canonical form. */
static struct str first_address(const struct event *e, const struct fields *f, struct arena *a)
{
    for (size_t i = 0; f->list[i] != FIELD_NONE; i++) {
        struct ip ip;
        char text[IP_TEXT_MAX];
        const struct value *v = event_get(e, f->list[i]);
        if (v == NULL || !ip_parse(value_as_text(v, a), &ip) || !is_of_one_computer(&ip))
            continue;
        return arena_str(a, str_n(text, ip_format(&ip, text)));
    }
    return STR_EMPTY;
}

static int64_t lasts(const struct rule *rule, const struct event *e, struct arena *a)
{
    double seconds;
    struct str text = first_text(e, &rule->seconds, a);
    if (text.n && str_to_double(text, &seconds) && seconds >= 1 && seconds <= 400 * 86400.0)
        return (int64_t)(seconds * (double)NS_PER_SECOND);
    return rule->lasts_ns;
}

static bool applies(const struct rule *rule, const struct event *e)
{
    for (uint32_t i = 0; i < rule->when_count; i++)
        if (!holds(&rule->when[i], e))
            return false;
    for (uint32_t i = 0; i < rule->unless_count; i++)
        if (holds(&rule->unless[i], e))
            return false;
    return true;
}

static struct str person(const struct identity_rules *r, struct str user)
{
    size_t slash = str_find_last_char(user, '\\');
    user = str_slice(slash == STR_NOT_FOUND ? user : str_skip(user, slash + 1), 0, 200);
    return is_one_of(&r->not_people, user) ? STR_EMPTY : user;
}

/* A statement without a key or without a holder says nothing. */
static bool fill(const struct identity_rules *r, const struct rule *rule, const struct event *e,
                 struct arena *a, struct identity_fact *f)
{
    bool of_host = rule->relation == IDENTITY_SESSION;
    struct str host = identity_short_name(first_text(e, &rule->host, a));
    struct str user = first_text(e, &rule->user, a);
    *f = (struct identity_fact){.relation = rule->relation,
                                .sequence = e->sequence,
                                .time_ns = e->time_ns,
                                .lasts_ns = lasts(rule, e, a),
                                .is_end = rule->is_end,
                                .is_weak = rule->is_weak,
                                .mac = identity_mac(first_text(e, &rule->mac, a), a),
                                .host = str_slice(host, 0, 200),
                                .user = person(r, user),
                                .session = str_slice(first_text(e, &rule->session, a), 0, 200),
                                .by = rule->by};
    if (of_host)
        f->key = arena_lower(a, str_slice(identity_short_name(first_text(e, &rule->key, a)), 0, 200));
    else
        f->key = first_address(e, &rule->key, a);
    if (f->key.n == 0 || (user.n && f->user.n == 0))
        return false;
    return f->is_end || (rule->relation == IDENTITY_DEVICE ? f->mac.n || f->host.n : f->user.n > 0);
}

static void extract_event(const struct identity_rules *r, struct batch *batch, const struct event *e)
{
    struct identity_fact fact;
    for (uint32_t i = 0; i < r->count; i++) {
        if (!applies(&r->rules[i], e) || !fill(r, &r->rules[i], e, &batch->arena, &fact))
            continue;
        struct identity_fact *copy = ARENA_NEW(&batch->arena, struct identity_fact);
        *copy = fact;
        copy->by = arena_str(&batch->arena, fact.by); /* the batch may outlive the rules */
        *batch->facts_end = copy;
        batch->facts_end = &copy->next;
    }
}

void identity_extract(const struct identity_rules *r, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        if (!(batch->events[i].flags & (EVENT_CANARY | EVENT_EXERCISE)))
            extract_event(r, batch, &batch->events[i]);
}
