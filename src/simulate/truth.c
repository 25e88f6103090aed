/* What was really so: one JSON object a line, for tests and for those who want to score themselves.
 *
 *   {"kind":"simulation",…}   seed, span, number of hosts
 *   {"kind":"scenario",…}     when, which host has which role, values
 *   {"kind":"infection",…}    host infected when, by whom
 *   {"kind":"control",…}      state of each host's anti-malware at the end of each day */
#include "base/json.h"
#include "simulate/engine.h"

static bool tell(struct simulation *s, struct buf *line)
{
    bool ok = s->sink->truth(s->sink->context, buf_str(line));
    buf_free(line);
    return ok;
}

static void put_pair(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value);
}

static void put_host(struct json_writer *w, const struct host *h)
{
    put_pair(w, "host", h->texts[ATTRIBUTE_NAME]);
    put_pair(w, "ip", h->texts[ATTRIBUTE_IP]);
    put_pair(w, "user", h->texts[ATTRIBUTE_USER]);
    put_pair(w, "department", h->texts[ATTRIBUTE_DEPARTMENT]);
}

static void put_roles(struct json_writer *w, const struct run *run)
{
    json_key(w, "roles");
    json_begin_object(w);
    for (uint32_t i = 0; i < run->role_count; i++) {
        json_key_str(w, run->roles[i].name);
        json_begin_array(w);
        for (uint32_t k = 0; k < run->roles[i].hosts.count; k++) {
            json_begin_object(w);
            put_host(w, run->roles[i].hosts.items[k]);
            json_end_object(w);
        }
        json_end_array(w);
    }
    json_end_object(w);
}

static bool tell_scenario(struct simulation *s, const struct run *run)
{
    struct buf line = {0};
    struct json_writer w = {.out = &line};
    json_begin_object(&w);
    put_pair(&w, "kind", STR("scenario"));
    put_pair(&w, "name", run->name);
    json_key(&w, "time");
    json_put_time(&w, run->at_ns);
    put_roles(&w, run);
    json_key(&w, "values");
    json_begin_object(&w);
    for (uint32_t i = 0; i < run->scope.count; i++)
        if (run->scope.cells[i].kind == CELL_TEXT) {
            json_key_str(&w, run->scope.cells[i].name);
            json_put_str(&w, run->cells[i].text);
        }
    json_end_object(&w);
    json_end_object(&w);
    return tell(s, &line);
}

bool truth_begin(struct simulation *s)
{
    struct buf line = {0};
    struct json_writer w = {.out = &line};
    json_begin_object(&w);
    put_pair(&w, "kind", STR("simulation"));
    json_key(&w, "seed");
    json_put_u64(&w, s->options.seed);
    json_key(&w, "from");
    json_put_time(&w, s->from_ns);
    json_key(&w, "to");
    json_put_time(&w, s->to_ns);
    json_key(&w, "hosts");
    json_put_u64(&w, s->office.host_count);
    json_end_object(&w);
    bool ok = tell(s, &line);
    for (uint32_t i = 0; i < s->run_count && ok; i++)
        ok = tell_scenario(s, s->runs[i]);
    return ok;
}

bool truth_infection(struct simulation *s, const struct run *run, const struct host *h, const struct host *by,
                     int64_t time_ns)
{
    struct buf line = {0};
    struct json_writer w = {.out = &line};
    json_begin_object(&w);
    put_pair(&w, "kind", STR("infection"));
    json_key(&w, "time");
    json_put_time(&w, time_ns);
    put_pair(&w, "scenario", run->name);
    put_host(&w, h);
    if (by != NULL)
        put_pair(&w, "by", by->texts[ATTRIBUTE_NAME]);
    json_end_object(&w);
    return tell(s, &line);
}

static void put_conditions(struct json_writer *w, const struct simulation *s, const struct host *h,
                           int64_t time_ns)
{
    json_key(w, "conditions");
    json_begin_object(w);
    for (unsigned i = 0; i < s->fleet.condition_count; i++)
        if (control_has(&h->control, (int)i, time_ns)) {
            json_key_str(w, s->fleet.conditions[i].name);
            if (h->control.since_ns[i] == INT64_MIN)
                json_put_null(w); /* as long as anybody remembers */
            else
                json_put_time(w, h->control.since_ns[i]);
        }
    json_end_object(w);
}

static bool tell_control(struct simulation *s, const struct host *h, int64_t time_ns)
{
    struct buf line = {0};
    struct json_writer w = {.out = &line};
    struct vendor *v = &s->fleet.vendors[h->control.vendor];
    struct window w_powered = presence_of(s, h, time_day(time_ns), WHILE_POWERED);
    json_begin_object(&w);
    put_pair(&w, "kind", STR("control"));
    json_key(&w, "time");
    json_put_time(&w, time_ns);
    put_host(&w, h);
    put_pair(&w, "vendor", v->key);
    put_pair(&w, "product", v->product);
    put_pair(&w, "engine", v->engine);
    put_pair(&w, "pattern", h->texts[ATTRIBUTE_PATTERN]);
    json_key(&w, "pattern_time");
    json_put_time(&w, fleet_release_time(v, h->control.release));
    json_key(&w, "updated");
    json_put_time(&w, h->control.updated_ns);
    put_pair(&w, "newest", fleet_pattern(&s->fleet, v, fleet_newest(v, time_ns)));
    json_key(&w, "full_scan");
    json_put_time(&w, h->control.full_scan_ns);
    json_key(&w, "was_on");
    json_put_bool(&w, w_powered.from_ns < w_powered.to_ns);
    json_key(&w, "registered");
    json_put_bool(&w, h->is_registered);
    put_conditions(&w, s, h, time_ns);
    json_end_object(&w);
    return tell(s, &line);
}

bool truth_day(struct simulation *s, int64_t time_ns)
{
    bool ok = true;
    for (size_t i = 0; i < s->office.host_count && ok; i++)
        if (s->office.hosts[i].kind != HOST_DEVICE && !s->office.hosts[i].is_visitor)
            ok = tell_control(s, &s->office.hosts[i], time_ns);
    return ok;
}
