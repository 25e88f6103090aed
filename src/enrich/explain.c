/* Approved programs of the inventory as evidence for or against (stage enrich). desk.c asks for findings
 * about communications, before judge/ weighs them. */
#include "enrich/explain.h"

#include "base/yaml.h"
#include "enrich/context_index.h"

struct program {
    struct str *names; /* lower case; a part of the approved name is enough */
    size_t name_count;
    struct asset_port_range *ports;
    size_t port_count;
    struct str transport; /* "" = any */
};

struct answer_text {
    struct str title_en, title_ja;
    double likelihood_ratio;
};

struct business {
    struct arena arena;
    struct program *programs;
    size_t program_count;
    struct program everyday; /* ports alone */
    struct str *groups;
    size_t group_count;
    struct answer_text answers[EXPLANATION_UNEXPLAINED + 1];
};

static const char *const answer_names[] = {NULL, "unknown", "explained", "unexplained"};

/* ------------------------------------------------------------------- reading */

static bool read_ports(const char *path, const struct yaml *list, struct program *p, struct arena *a,
                       struct error *err)
{
    p->ports = ARENA_ARRAY(a, struct asset_port_range, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (!asset_port_parse(at->text, &p->ports[p->port_count++]))
            return error_at(err, path, at->line, at->column,
                            "a port is a number or a range such as 6660-6669");
    return true;
}

static bool read_program(struct business *b, const char *path, const struct yaml *node, struct error *err)
{
    struct program *p = &b->programs[b->program_count++];
    const struct yaml *names = yaml_get(node, "names");
    p->names = ARENA_ARRAY(&b->arena, struct str, names ? names->count + 1 : 1);
    for (const struct yaml *at = names ? names->child : NULL; at != NULL; at = at->next)
        if (at->text.n)
            p->names[p->name_count++] = arena_lower(&b->arena, at->text);
    if (p->name_count == 0)
        return error_at(err, path, node->line, node->column,
                        "'names' is missing: how the inventory calls it");
    p->transport = yaml_text(node, "transport");
    return read_ports(path, yaml_get(node, "ports"), p, &b->arena, err);
}

static bool read_answer(struct business *b, const char *path, const struct yaml *all, enum explanation which,
                        struct error *err)
{
    const struct yaml *node = yaml_get(all, answer_names[which]), *title = yaml_get(node, "title");
    struct answer_text *t = &b->answers[which];
    t->title_en = yaml_text(title, "en");
    t->title_ja = yaml_text(title, "ja");
    if (t->title_en.n == 0 || t->title_ja.n == 0)
        return error_at(err, path, node ? node->line : 1, 1, "answer '%s' needs a title in en and ja",
                        answer_names[which]);
    if (!str_to_double(yaml_text(node, "likelihood_ratio"), &t->likelihood_ratio) ||
        !(t->likelihood_ratio > 0))
        return error_at(err, path, node->line, 1, "answer '%s' needs a positive 'likelihood_ratio'",
                        answer_names[which]);
    return true;
}

static bool read_business(struct business *b, const char *path, const struct yaml *top, struct error *err)
{
    const struct yaml *programs = yaml_get(top, "programs"), *groups = yaml_get(top, "groups");
    b->programs = ARENA_ARRAY(&b->arena, struct program, programs ? programs->count + 1 : 1);
    b->groups = ARENA_ARRAY(&b->arena, struct str, groups ? groups->count + 1 : 1);
    for (const struct yaml *at = groups ? groups->child : NULL; at != NULL; at = at->next)
        b->groups[b->group_count++] = at->text;
    for (const struct yaml *at = programs ? programs->child : NULL; at != NULL; at = at->next)
        if (!read_program(b, path, at, err))
            return false;
    if (!read_ports(path, yaml_get(top, "everyday_ports"), &b->everyday, &b->arena, err))
        return false;
    for (int which = EXPLANATION_UNKNOWN; which <= EXPLANATION_UNEXPLAINED; which++)
        if (!read_answer(b, path, yaml_get(top, "answers"), (enum explanation)which, err))
            return false;
    return true;
}

struct business *business_load(const char *path, struct error *err)
{
    struct business *b = NEW(struct business);
    arena_init(&b->arena, 8 << 10);
    const struct yaml *top = yaml_load(path, &b->arena, err);
    if (top == NULL || !read_business(b, path, top, err)) {
        business_free(b);
        return NULL;
    }
    return b;
}

void business_free(struct business *b)
{
    if (b == NULL)
        return;
    arena_free(&b->arena);
    memory_free(b);
}

/* ------------------------------------------------------------------- asking */

static bool is_group_of_interest(const struct business *b, struct str group)
{
    for (size_t i = 0; i < b->group_count; i++)
        if (str_eq(b->groups[i], group))
            return true;
    return false;
}

static bool uses(const struct program *p, int64_t port, struct str transport)
{
    if (p->transport.n && transport.n && !str_eq_nocase(p->transport, transport))
        return false;
    for (size_t i = 0; i < p->port_count; i++)
        if (port >= p->ports[i].from && port <= p->ports[i].to)
            return true;
    return false;
}

static bool has_part_nocase(struct str text, struct str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_eq_nocase(str_slice(text, i, i + part.n), part))
            return true;
    return false;
}

/* The approved program that uses such a port; "" when none does. */
static struct str find_program(const struct business *b, const struct asset_list *approved, int64_t port,
                               struct str transport)
{
    for (uint32_t a = 0; a < approved->count; a++)
        for (size_t i = 0; i < b->program_count; i++)
            for (size_t n = 0; n < b->programs[i].name_count && uses(&b->programs[i], port, transport); n++)
                if (has_part_nocase(approved->items[a], b->programs[i].names[n]))
                    return approved->items[a];
    return STR_EMPTY;
}

/* An inventory that names programs nowhere says nothing about this host either. */
static bool knows_programs(const struct context *c)
{
    for (uint32_t i = 0; i < c->set.counts[ASSET_DEPARTMENTS]; i++)
        if (c->set.departments[i].approved_applications.count)
            return true;
    for (uint32_t i = 0; i < c->set.counts[ASSET_HOSTS]; i++)
        if (c->set.hosts[i].approved_applications.count)
            return true;
    return false;
}

enum explanation explain(const struct business *b, const struct context *c, const struct finding *f,
                         const struct event *e, struct str *program)
{
    int64_t port;
    *program = STR_EMPTY;
    if (!is_group_of_interest(b, f->evidence_group) || !event_number(e, FIELD_DESTINATION_PORT, &port))
        return EXPLANATION_NONE;
    if (c == NULL)
        return EXPLANATION_UNKNOWN;
    const struct asset_host *host = context_find_host(c, f->host_name, f->host_ip, f->time_ns);
    struct str name = context_department(c, host, f->host_ip, f->time_ns);
    const struct asset_department *department =
        name.n ? context_find(c, INDEX_DEPARTMENT, name, f->time_ns) : NULL;
    struct str transport = event_text(e, FIELD_NETWORK_TRANSPORT);
    if (host != NULL)
        *program = find_program(b, &host->approved_applications, port, transport);
    if (program->n == 0 && department != NULL)
        *program = find_program(b, &department->approved_applications, port, transport);
    if (program->n)
        return EXPLANATION_EXPLAINED;
    if (uses(&b->everyday, port, transport)) /* every computer has a browser: nothing to be explained */
        return EXPLANATION_NONE;
    return host != NULL && knows_programs(c) ? EXPLANATION_UNEXPLAINED : EXPLANATION_UNKNOWN;
}

void explain_as_finding(const struct business *b, enum explanation answer, struct str program,
                        const struct finding *about, struct finding *out, struct arena *a)
{
    const struct answer_text *t = &b->answers[answer];
    struct finding *next = out->next;
    *out = *about;
    out->next = next;
    out->rule_id = arena_printf(a, "business_context_%s", answer_names[answer]);
    out->title_en = arena_str(a, t->title_en);
    out->title_ja = arena_str(a, t->title_ja);
    out->level = LEVEL_INFORMATIONAL;
    out->instrument = STR_EMPTY;
    out->is_correlated = false;
    out->is_context = true;
    out->product = STR("inventory");
    out->evidence_group = STR("business_context");
    out->likelihood_ratio = t->likelihood_ratio;
    out->stage = STR_EMPTY;
    out->technique_count = 0;
    out->matched = ARENA_ARRAY(a, struct matched_value, 2);
    out->matched_count = 0;
    out->matched[out->matched_count++] = (struct matched_value){STR("about"), about->rule_id};
    if (program.n)
        out->matched[out->matched_count++] = (struct matched_value){STR("program"), arena_str(a, program)};
}
