/* An incident as IODEF v2 (RFC 7970) in its JSON binding (RFC 8727) (stage report). Next: misp.c. */
#include "base/ip.h"
#include "base/json.h"
#include "base/map.h"
#include "report/outside/export.h"

struct iodef {
    const struct case_export *c;
    struct json_writer w;
};

/* A list of one text. */
static void put_texts(struct iodef *f, const char *key, struct str text)
{
    if (text.n == 0)
        return;
    json_key(&f->w, key);
    json_begin_array(&f->w);
    json_put_str(&f->w, text);
    json_end_array(&f->w);
}

static void begin_list(struct iodef *f, const char *key)
{
    json_key(&f->w, key);
    json_begin_array(&f->w);
}

static void begin_one(struct iodef *f, const char *key)
{
    begin_list(f, key);
    json_begin_object(&f->w);
}

static void end_one(struct iodef *f)
{
    json_end_object(&f->w);
    json_end_array(&f->w);
}

/* IODEF knows the colours of TLP 1; the strict one is an extension. */
static void put_restriction(struct iodef *f)
{
    static const char *const names[] = {"white", "green", "amber", "ext-value", "red"};
    export_member(&f->w, "restriction", str_c(names[f->c->tlp]));
    if (f->c->tlp == TLP_AMBER_STRICT)
        export_member(&f->w, "ext-restriction", STR("amber+strict"));
}

static void put_contact(struct iodef *f)
{
    begin_one(f, "Contact");
    export_member(&f->w, "role", STR("creator"));
    export_member(&f->w, "type", STR("organization"));
    put_texts(f, "ContactName", f->c->organisation.n ? f->c->organisation : STR("not told"));
    if (f->c->email.n) {
        begin_one(f, "Email");
        export_member(&f->w, "EmailTo", f->c->email);
        end_one(f);
    }
    end_one(f);
}

static void put_assessment(struct iodef *f)
{
    static const char *const severities[] = {"low", "low", "medium", "high", "high"};
    const struct incident *i = f->c->facts->incident;
    int urgency = i->urgency < 0 ? 0 : i->urgency > 4 ? 4 : i->urgency;
    begin_one(f, "Assessment");
    begin_one(f, "SystemImpact");
    export_member(&f->w, "severity", str_c(severities[urgency]));
    export_member(&f->w, "type", STR("unknown"));
    put_texts(f, "Description", i->type);
    end_one(f);
    json_key(&f->w, "Confidence");
    json_begin_object(&f->w);
    json_key(&f->w, "value");
    json_put_double(&f->w, i->confidence);
    export_member(&f->w, "rating", STR("numeric"));
    json_end_object(&f->w);
    end_one(f);
}

static void put_method(struct iodef *f)
{
    struct str *techniques;
    size_t count = case_techniques(f->c, &techniques);
    if (count == 0)
        return;
    begin_one(f, "Method");
    begin_list(f, "Reference");
    for (size_t i = 0; i < count; i++) {
        struct buf url = {0};
        buf_c(&url, "https://attack.mitre.org/techniques/");
        for (size_t n = 0; n < techniques[i].n; n++)
            buf_char(&url, techniques[i].p[n] == '.' ? '/' : techniques[i].p[n]);
        json_begin_object(&f->w);
        put_texts(f, "URL", buf_str(&url));
        put_texts(f, "Description", techniques[i]);
        json_end_object(&f->w);
        buf_free(&url);
    }
    json_end_array(&f->w);
    end_one(f);
}

/* --------------------------------------------------------------------- systems */

static void put_address(struct iodef *f, struct str value)
{
    struct ip ip;
    begin_one(f, "Address");
    export_member(&f->w, "value", value);
    export_member(&f->w, "category",
                  ip_parse(value, &ip) && !ip_is_v4(&ip) ? STR("ipv6-addr") : STR("ipv4-addr"));
    end_one(f);
}

static void put_domain(struct iodef *f, struct str name)
{
    begin_one(f, "DomainData");
    export_member(&f->w, "system-status", STR("unknown"));
    export_member(&f->w, "domain-status", STR("unknown"));
    export_member(&f->w, "Name", name);
    end_one(f);
}

static void put_system(struct iodef *f, const char *category, struct str address, struct str name)
{
    json_begin_object(&f->w);
    export_member(&f->w, "category", str_c(category));
    json_key(&f->w, "Node");
    json_begin_object(&f->w);
    if (name.n)
        put_domain(f, name);
    if (address.n)
        put_address(f, address);
    json_end_object(&f->w);
    json_end_object(&f->w);
}

static void put_ours(struct iodef *f)
{
    const struct incident *incident = f->c->facts->incident;
    struct map seen = {0};
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *one = &incident->findings[i];
        struct str ip = redact_value(f->c->redactor, REDACT_IP, one->host_ip),
                   name = redact_value(f->c->redactor, REDACT_HOST, one->host_name);
        bool is_new = false;
        if (one->is_outside)
            continue; /* among the indicators */
        if (ip.n || name.n)
            map_put(&seen, arena_printf(f->c->arena, "%.*s %.*s", STR_ARGS(ip), STR_ARGS(name)), &is_new);
        if (is_new)
            put_system(f, "source", ip, name);
    }
    map_free(&seen);
}

static void put_event_data(struct iodef *f)
{
    struct observable *all;
    size_t count = case_indicators(f->c, &all);
    begin_one(f, "EventData");
    begin_one(f, "Flow");
    begin_list(f, "System");
    put_ours(f);
    for (size_t i = 0; i < count; i++) {
        if (all[i].type == OBSERVABLE_IPV4 || all[i].type == OBSERVABLE_IPV6)
            put_system(f, "target", all[i].value, STR_EMPTY);
        else if (all[i].type == OBSERVABLE_DOMAIN)
            put_system(f, "target", STR_EMPTY, all[i].value);
    }
    json_end_array(&f->w);
    end_one(f);
    end_one(f);
}

static void put_history(struct iodef *f)
{
    if (f->c->step_count == 0)
        return;
    json_key(&f->w, "History");
    json_begin_object(&f->w);
    begin_list(f, "HistoryItem");
    for (size_t i = 0; i < f->c->step_count; i++) {
        const struct case_step *step = &f->c->steps[i];
        json_begin_object(&f->w);
        export_member(&f->w, "action", step->state.n ? STR("status-triage") : STR("status-new-info"));
        export_time(&f->w, "DateTime", step->time_ns);
        struct str text = redact_text(f->c->redactor, step->text);
        put_texts(f, "Description",
                  step->state.n
                      ? arena_printf(f->c->arena, "%.*s: %.*s", STR_ARGS(step->state), STR_ARGS(text))
                      : text);
        json_end_object(&f->w);
    }
    json_end_array(&f->w);
    json_end_object(&f->w);
}

static void put_id(struct iodef *f)
{
    json_key(&f->w, "IncidentID");
    json_begin_object(&f->w);
    export_member(&f->w, "id",
                  arena_printf(f->c->arena, "%llu", (unsigned long long)f->c->facts->incident->id));
    export_member(&f->w, "name", export_uuid(f->c, "csirt", STR("name")));
    json_end_object(&f->w);
}

static void put_incident(struct iodef *f)
{
    const struct incident *i = f->c->facts->incident;
    json_begin_object(&f->w);
    export_member(&f->w, "purpose", STR("reporting"));
    put_restriction(f);
    put_id(f);
    export_time(&f->w, "DetectTime", i->opened_ns);
    export_time(&f->w, "StartTime", i->first_ns);
    if (i->last_ns >= i->first_ns)
        export_time(&f->w, "EndTime", i->last_ns);
    export_time(&f->w, "ReportTime", f->c->now_ns);
    export_time(&f->w, "GenerationTime", f->c->now_ns);
    json_key(&f->w, "Description");
    json_begin_array(&f->w);
    json_put_str(&f->w, export_title(f->c));
    json_put_str(&f->w, export_description(f->c));
    json_end_array(&f->w);
    put_assessment(f);
    put_method(f);
    put_contact(f);
    put_event_data(f);
    put_history(f);
    json_end_object(&f->w);
}

void export_iodef(const struct case_export *c, struct buf *out)
{
    struct iodef f = {.c = c, .w = {.out = out}};
    json_begin_object(&f.w);
    export_member(&f.w, "version", STR("2.0"));
    export_member(&f.w, "lang", STR("en"));
    begin_list(&f, "Incident");
    put_incident(&f);
    json_end_array(&f.w);
    json_end_object(&f.w);
}
