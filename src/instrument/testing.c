/* The harness of the instruments' unit tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "instrument/testing.h"

#include "base/memory.h"
#include "instrument/kind.h"

#define START_NS (INT64_C(1762732800) * NS_PER_SECOND) /* 2025-11-10T00:00:00Z, a Monday */

struct told {
    struct str rule_id, ip, name, peer;
    int64_t time_ns;
    struct matched_value *matched;
    uint32_t matched_count;
};

struct trial {
    struct instruments *instruments;
    struct arena arena;
    struct told *told;
    size_t count, capacity;
    uint64_t sequence;
    bool is_of_one; /* a test named after an instrument does not count the others' */
};

static struct instruments *open_all(void)
{
    struct error err = {0};
    struct instruments *all =
        instruments_new(SOURCE_ROOT "/content/instruments", SOURCE_ROOT "/content/calendar.yml",
                        zone_find(STR("Asia/Tokyo")), &err);
    if (all == NULL)
        fail_msg("%s", err.text);
    return all;
}

struct trial *trial_new(void)
{
    struct trial *t = NEW(struct trial);
    arena_init(&t->arena, 64 << 10);
    t->instruments = open_all();
    struct instrument_info info;
    for (size_t i = 0; i < instruments_count(t->instruments); i++) {
        instruments_info(t->instruments, i, &info);
        t->is_of_one |= str_eq(info.name, STR(TRIAL_OF));
    }
    return t;
}

void trial_free(struct trial *t)
{
    instruments_free(t->instruments);
    arena_free(&t->arena);
    memory_free(t->told);
    memory_free(t);
}

static void keep(struct trial *t, const struct finding *f)
{
    if (t->count == t->capacity) {
        t->capacity = t->capacity ? t->capacity * 2 : 64;
        t->told = memory_resize_array(t->told, t->capacity, sizeof *t->told);
    }
    struct told *told = &t->told[t->count++];
    *told = (struct told){arena_str(&t->arena, f->rule_id),
                          arena_str(&t->arena, f->host_ip),
                          arena_str(&t->arena, f->host_name),
                          arena_str(&t->arena, f->peer),
                          f->time_ns,
                          ARENA_ARRAY(&t->arena, struct matched_value, f->matched_count + 1),
                          f->matched_count};
    for (uint32_t i = 0; i < f->matched_count; i++)
        told->matched[i] = (struct matched_value){arena_str(&t->arena, f->matched[i].name),
                                                  arena_str(&t->arena, f->matched[i].text)};
}

static struct batch *batch_of_one(struct trial *t, double seconds, const char *text)
{
    struct batch *b = batch_new(1);
    struct record *record = batch_add(b, str_c(text), STR_EMPTY);
    struct str rest = record->raw, part;
    struct event *e = &b->events[0];
    e->sequence = record->sequence = b->first_sequence = b->last_sequence = ++t->sequence;
    e->time_ns = e->received_ns = START_NS + (int64_t)(seconds * 1e9);
    while (str_split(&rest, ';', &part)) {
        if (part.n == 0)
            continue;
        size_t eq = str_find_char(part, '=', 0);
        if (part.n == 0)
            continue;
        if (eq == STR_NOT_FOUND)
            fail_msg("no '=' in %.*s", STR_ARGS(part));
        event_add(e, &b->arena, field_intern(str_slice(part, 0, eq)), str_skip(part, eq + 1));
    }
    return b;
}

static size_t keep_all(struct trial *t, struct batch *b)
{
    size_t count = 0;
    for (const struct finding *f = b->findings; f != NULL; f = f->next) {
        keep(t, f);
        count += !t->is_of_one || str_eq(f->instrument, STR(TRIAL_OF));
    }
    batch_free(b);
    return count;
}

size_t trial_event(struct trial *t, double seconds, const char *text)
{
    struct batch *b = batch_of_one(t, seconds, text);
    instruments_take(t->instruments, b);
    return keep_all(t, b);
}

size_t trial_found(struct trial *t, double seconds, const char *group, double likelihood_ratio,
                   const char *host_ip, const char *host_name)
{
    struct batch *b = batch_of_one(t, seconds, "event.category=network");
    struct finding *f = batch_add_finding(b);
    f->rule_id = STR("a rule");
    f->evidence_group = str_c(group);
    f->likelihood_ratio = likelihood_ratio;
    f->host_ip = str_c(host_ip);
    f->host_name = str_c(host_name);
    f->time_ns = b->events[0].time_ns;
    f->sequence = b->events[0].sequence;
    instruments_take(t->instruments, b);
    return keep_all(t, b);
}

size_t trial_advance(struct trial *t, double seconds)
{
    struct batch *b = batch_of_one(t, 0, "");
    instruments_advance(t->instruments, b, START_NS + (int64_t)(seconds * 1e9));
    return keep_all(t, b);
}

size_t trial_count(const struct trial *t, const char *rule_id, const char *who)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++)
        count += str_eq(t->told[i].rule_id, str_c(rule_id)) &&
                 (who == NULL || str_eq(t->told[i].ip, str_c(who)) || str_eq(t->told[i].name, str_c(who)));
    return count;
}

struct str trial_fact(const struct trial *t, const char *rule_id, const char *name)
{
    for (size_t i = t->count; i-- > 0;)
        for (uint32_t m = 0; str_eq(t->told[i].rule_id, str_c(rule_id)) && m < t->told[i].matched_count; m++)
            if (str_eq(t->told[i].matched[m].name, str_c(name)))
                return t->told[i].matched[m].text;
    return STR_EMPTY;
}

struct str trial_peer(const struct trial *t, const char *rule_id, const char *who)
{
    for (size_t i = t->count; i-- > 0;)
        if (str_eq(t->told[i].rule_id, str_c(rule_id)) &&
            (str_eq(t->told[i].ip, str_c(who)) || str_eq(t->told[i].name, str_c(who))))
            return t->told[i].peer;
    return STR_EMPTY;
}

double trial_seconds(const struct trial *t, const char *rule_id)
{
    for (size_t i = 0; i < t->count; i++)
        if (str_eq(t->told[i].rule_id, str_c(rule_id)))
            return (double)(t->told[i].time_ns - START_NS) / 1e9;
    return -1;
}

void trial_restart(struct trial *t)
{
    struct buf saved = {0};
    struct error err = {0};
    instruments_save(t->instruments, &saved);
    instruments_free(t->instruments);
    t->instruments = open_all();
    if (!instruments_load(t->instruments, buf_str(&saved), &err))
        fail_msg("%s", err.text);
    struct buf again = {0};
    instruments_save(t->instruments, &again);
    if (!str_eq(buf_str(&saved), buf_str(&again)))
        fail_msg("what was loaded is not what was saved");
    buf_free(&saved);
    buf_free(&again);
}

const struct instruments *trial_instruments(const struct trial *t)
{
    return t->instruments;
}

void *trial_state(const struct trial *t, const char *instrument)
{
    return instruments_state(t->instruments, instrument);
}
