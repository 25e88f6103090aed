/* Ground floor: levels, and a finding as one line of JSON. */
#include "event/finding.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/memory.h"

static const struct str level_names[] = {
    [LEVEL_INFORMATIONAL] = {"informational", 13},
    [LEVEL_LOW] = {"low", 3},
    [LEVEL_MEDIUM] = {"medium", 6},
    [LEVEL_HIGH] = {"high", 4},
    [LEVEL_CRITICAL] = {"critical", 8},
};

struct str level_name(enum level l)
{
    BUG_IF((size_t)l >= COUNT_OF(level_names));
    return level_names[l];
}

bool level_parse(struct str s, enum level *out)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_eq_nocase(s, level_names[i])) {
            *out = (enum level)i;
            return true;
        }
    }
    return false;
}

static void put_unless_empty(struct json_writer *w, const char *key, struct str s)
{
    if (!s.n)
        return;
    json_key(w, key);
    json_put_str(w, s);
}

static void put_entities(struct json_writer *w, const struct finding *f)
{
    json_key(w, "entities");
    json_begin_object(w);
    put_unless_empty(w, "host", f->host_name);
    put_unless_empty(w, "ip", f->host_ip);
    put_unless_empty(w, "user", f->user);
    put_unless_empty(w, "department", f->department);
    json_end_object(w);
}

static bool is_repeated(const struct finding *f, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (str_eq(f->matched[i].name, f->matched[at].name))
            return true;
    return false;
}

void finding_matched_json(const struct finding *f, size_t longest, struct json_writer *w)
{
    json_begin_object(w);
    for (uint32_t i = 0; i < f->matched_count; i++) {
        if (is_repeated(f, i))
            continue;
        struct str name = f->matched[i].name;
        uint32_t same = 0;
        for (uint32_t k = i; k < f->matched_count; k++)
            same += str_eq(f->matched[k].name, name);
        json_key_str(w, name);
        if (same > 1)
            json_begin_array(w);
        for (uint32_t k = i; k < f->matched_count; k++)
            if (str_eq(f->matched[k].name, name))
                json_put_str(w, str_utf8_start(f->matched[k].text, longest));
        if (same > 1)
            json_end_array(w);
    }
    json_end_object(w);
}

static void put_judgement(struct json_writer *w, const struct finding *f)
{
    if (f->technique_count) {
        json_key(w, "techniques");
        json_begin_array(w);
        for (uint32_t i = 0; i < f->technique_count; i++)
            json_put_str(w, f->techniques[i]);
        json_end_array(w);
    }
    put_unless_empty(w, "evidence_group", f->evidence_group);
    if (f->likelihood_ratio != 0) {
        json_key(w, "likelihood_ratio");
        json_put_double(w, f->likelihood_ratio);
    }
    put_unless_empty(w, "stage", f->stage);
}

void finding_json(const struct finding *f, struct str file, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    put_unless_empty(&w, "instrument", f->instrument);
    json_key(&w, "rule_id");
    json_put_str(&w, f->rule_id);
    json_key(&w, "rule");
    json_put_str(&w, f->title_en);
    put_unless_empty(&w, "rule_ja", f->title_ja);
    json_key(&w, "level");
    json_put_str(&w, level_name(f->level));
    json_key(&w, "time");
    json_put_time(&w, f->time_ns);
    put_unless_empty(&w, "file", file);
    put_unless_empty(&w, "member", f->member);
    json_key(&w, "record");
    json_put_u64(&w, f->record_number);
    put_unless_empty(&w, "source_product", f->product);
    put_entities(&w, f);
    put_unless_empty(&w, "peer", f->peer);
    if (f->is_exercise) {
        json_key(&w, "exercise");
        json_put_bool(&w, true);
    }
    json_key(&w, "matched");
    finding_matched_json(f, SIZE_MAX, &w);
    put_judgement(&w, f);
    if (f->sequence) { /* as text: JavaScript's numbers end at 2^53 */
        char digits[24];
        struct buf sequence = {.p = digits, .capacity = sizeof digits};
        buf_u64(&sequence, f->sequence);
        json_key(&w, "event_id");
        json_put_str(&w, buf_str(&sequence));
    }
    json_end_object(&w);
}
