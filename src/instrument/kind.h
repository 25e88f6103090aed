/* What an instrument is made of. Inside the stage only. */
#ifndef INSTRUMENT_KIND_H
#define INSTRUMENT_KIND_H

#include "base/json.h"
#include "base/yaml.h"
#include "instrument/instrument.h"
#include "instrument/keyed.h"
#include "instrument/sight.h"

/* Parameters are doubles in one struct of the instrument's; content/instruments/NAME.yml gives each a value
 * within [least, most]. */
struct parameter {
    const char *name;
    size_t offset;
    double least, most;
};

struct instrument; /* one at work: its kind, parameters, texts, state */

struct instrument_kind {
    const char *name; /* the file is content/instruments/NAME.yml */
    uint32_t version; /* of the saved state */
    uint32_t wants;   /* enum sight_kind bits: see() is called for sights that have one of them; 0 = none */
    size_t parameter_bytes;
    const struct parameter *parameters;
    size_t parameter_count;
    const char *const *findings; /* ids under `findings:` of the file, in the order of the kind's enum */
    size_t finding_count;
    void *(*open)(struct instrument *i);
    void (*close)(void *state);
    void (*see)(void *state, struct instrument *i, const struct sight *s);
    /* See() is coming for that sight, some events ahead: keyed_fetch() for the tables it will look into. May
     * be NULL. */
    void (*await)(const void *state, const struct sight *s, enum keyed_fetch what);
    /* Findings about the event that was just seen, by rules and by other instruments; its own ones are left
     * out. May be NULL. */
    void (*found)(void *state, struct instrument *i, const struct finding *f);
    /* The watermark has moved on. Called once for each event that moves it, after see(): must return at once
     * when nothing is due. May be NULL. */
    void (*reach)(void *state, struct instrument *i, int64_t watermark_ns);
    void (*save)(const void *state, struct buf *out);
    bool (*load)(void *state, struct cursor *in); /* false: damaged */
    /* For instrument_info; may be NULL. */
    void (*measure)(const void *state, struct instrument_info *out);
    /* Knowledge of its own in NAME.yml beyond parameters, lists and findings, into `a`; NULL with the
     * sentence when it is wrong. May be NULL. instrument_own() gives the result. */
    const void *(*read)(const char *path, const struct yaml *top, struct arena *a, struct error *err);
    /* What it would show people who ask: rows, each one object. May be NULL. */
    void (*list)(const void *state, const struct instrument *i, struct json_writer *rows);
};

/* Lists of texts or numbers in NAME.yml under `lists:` (watch ports, resolvers, extensions …). */
const void *instrument_parameters(const struct instrument *i);
struct str const *instrument_list(const struct instrument *i, const char *name, size_t *count);
const void *instrument_own(const struct instrument *i);
const struct zone *instrument_zone(const struct instrument *i);
const struct calendar *instrument_calendar(const struct instrument *i);
/* Where the state of another instrument stands, for what that one alone should count; the place stays, the
 * state behind it may be replaced between events. Its own header says what may be asked. NULL when there is
 * none of that name. */
void *const *instrument_neighbour(const struct instrument *i, const char *name);
/* The same for tests, which look at what an instrument has counted. */
void *instruments_state(const struct instruments *all, const char *name);
/* A reading that is worth a finding. Texts are copied. */
struct reading {
    unsigned finding; /* index into the kind's findings */
    int64_t time_ns;  /* event time it speaks of: end of the window */
    struct str host_ip, host_name, user, department, peer;
    struct str product; /* the system that saw it; "" = the instrument itself */
    enum passage passage;
    double statistic;
    double threshold;
    int64_t window_ns;                 /* 0 = none */
    double p;                          /* 0 = none */
    double likelihood_ratio;           /* 0 = what the file says */
    const struct matched_value *facts; /* further values, baseline among them */
    size_t fact_count;
    const char *statistic_name; /* "distinct_destinations" */
};
void instrument_tell(struct instrument *i, const struct reading *r);
/* Who a sight is about → the entities of a reading. */
void reading_about(struct reading *r, const struct sight *s);

/* Texts in flat records: as much as fits, and how many bytes that was. */
static inline uint8_t keep_bytes(char *to, size_t capacity, struct str text)
{
    size_t n = text.n < capacity ? text.n : capacity;
    if (n)
        memcpy(to, text.p, n);
    return (uint8_t)n;
}

#endif
