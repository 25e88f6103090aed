/* Indicators of compromise: addresses, networks, domains, URLs, hashes … that somebody else has seen do harm.
 *
 *   bytes of a feed --indicators_read()--> struct indicator_builder --indicator_builder_finish()--> image
 *   images, allow lists, plan --indicator_set_new()--> struct indicator_set   (immutable, counted)
 *   indicator_set + events --indicator_match_batch()--> findings, and threat.* fields of the events
 *
 * An image is one source's indicators as plain bytes: what lies in var/intel/NAME.indicators is what is used
 * in memory (indicator_image.h). Read in this order: indicator_text.c (canonical forms), indicator_reader.c
 * and the readers beside it, indicator_image.c, indicator_set.c, indicator_allow.c, indicator_match.c. */
#ifndef DETECT_INDICATOR_H
#define DETECT_INDICATOR_H

#include "base/arena.h"
#include "base/error.h"
#include "base/ip.h"
#include "event/batch.h"

enum indicator_type {
    INDICATOR_ADDRESS,
    INDICATOR_NETWORK,
    INDICATOR_DOMAIN, /* and all names below it */
    INDICATOR_URL,
    INDICATOR_HASH, /* MD5, SHA-1, SHA-256, SHA-512: told apart by length */
    INDICATOR_MAIL,
    INDICATOR_AGENT,
    INDICATOR_FILE_NAME,
    INDICATOR_TYPE_COUNT,
    INDICATOR_ANY = INDICATOR_TYPE_COUNT, /* the source did not say: the text decides */
};
struct str indicator_type_name(enum indicator_type type); /* "address" … */

#define INDICATOR_VALUE_MAX 2048 /* bytes; longer values are refused */

/* What a source says. Texts are borrowed for the call that takes it. */
struct indicator {
    enum indicator_type type;
    struct str value;       /* as written; may be defanged */
    int confidence;         /* 0–100, −1 = not said */
    int64_t valid_from_ns;  /* TIME_UNKNOWN = always was */
    int64_t valid_until_ns; /* exclusive; TIME_UNKNOWN = no end */
    struct str description, labels /* "a;b" */, tlp /* "amber" */, reference;
};

/* Why an indicator was not taken. Each has a sentence in both languages. */
enum indicator_reason {
    REASON_NOT_RECOGNISED,
    REASON_TOO_LONG,
    REASON_PUBLIC_SUFFIX,
    REASON_SHARED_HOST,
    REASON_BROAD_NETWORK,
    REASON_LOCAL_ADDRESS,
    REASON_COMMON_NAME,
    REASON_EXPIRED,
    REASON_REVOKED,
    REASON_NOT_FOR_DETECTION,
    REASON_TYPE,
    REASON_PATTERN_LANGUAGE,
    REASON_PATTERN_AND,
    REASON_PATTERN_OPERATOR,
    REASON_PATTERN_OBJECT,
    REASON_PATTERN_SYNTAX,
    REASON_DAMAGED,
    REASON_LIMIT,
    REASON_COUNT,
};
const char *indicator_reason_text(enum indicator_reason reason); /* in the process language */
const char *indicator_reason_name(enum indicator_reason reason); /* "public_suffix": for programs */

#define REPORT_SAMPLE_MAX 96
struct indicator_report {
    const char *format;            /* "stix", "misp", "zeek", "csv", "list" … */
    uint64_t seen, kept, repeated; /* seen = kept + repeated + all refused */
    uint64_t refused[REASON_COUNT];
    char sample[REASON_COUNT][REPORT_SAMPLE_MAX]; /* the first that was refused for it */
    unsigned sample_line[REASON_COUNT];           /* 1-based line or element, 0 = none */
    uint64_t by_type[INDICATOR_TYPE_COUNT];
};
uint64_t indicator_report_refused(const struct indicator_report *report);

/* ------------------------------------------------------------------- plan */

/* content/intel: which fields are looked up and what a hit means (fields.yml), and what is too broad to be an
 * indicator (broad.yml). Immutable. */
struct indicator_plan;
struct indicator_plan *indicator_plan_load(const char *folder, struct error *err) MUST_CHECK;
struct indicator_plan *indicator_plan_ref(struct indicator_plan *plan);
void indicator_plan_unref(struct indicator_plan *plan); /* NULL is fine */

/* ---------------------------------------------------------------- reading */

struct indicator_builder;
struct indicator_builder_options {
    const struct indicator_plan *plan; /* outlives the builder */
    struct str source;                 /* 1–64 bytes; copied */
    int confidence;                    /* for indicators that say none; −1 = unknown */
    struct str tlp;
    int64_t valid_ns;   /* how long those hold that name no end; 0 = for ever */
    int64_t now_ns;     /* what has ended before is dropped; TIME_UNKNOWN = keep */
    uint64_t max_count; /* 0: 16 million */
};
struct indicator_builder *indicator_builder_new(const struct indicator_builder_options *options);
void indicator_builder_free(struct indicator_builder *b);
/* Canonical form, checks, kept or counted in the report. `line` is for the report. */
void indicator_builder_add(struct indicator_builder *b, const struct indicator *i, unsigned line);
void indicator_builder_refuse(struct indicator_builder *b, enum indicator_reason reason, struct str sample,
                              unsigned line);
/* Takes over what an earlier image holds, before anything is added: what is added later wins over it. */
void indicator_builder_take(struct indicator_builder *b, struct str image);
/* The source has revoked it: what was taken over of it goes. */
void indicator_builder_forget(struct indicator_builder *b, enum indicator_type type, struct str value);
struct indicator_report *indicator_builder_report(struct indicator_builder *b);
/* The image; each indicator once (`kept` and `repeated` of the report are final then). */
void indicator_builder_finish(struct indicator_builder *b, struct buf *image);

/* Recognises the format by content and reads all of it. False when it is no format we know or is damaged from
 * the start; single objects and lines that cannot be read are counted. */
bool indicators_read(struct str text, const char *path, struct indicator_builder *b,
                     struct error *err) MUST_CHECK;

/* One line of many files: a MISP feed's manifest names its events. */
bool indicators_is_manifest(struct str text);

/* ------------------------------------------------------------ allow lists */

struct allow_lists;
struct allow_list_info {
    struct str name, description, kind; /* cidr, hostname, string, substring, regex */
    uint64_t entries, refused;
};
struct allow_lists *allow_lists_new(void);
void allow_lists_free(struct allow_lists *lists);
bool allow_list_is(struct str text); /* does it look like one? */
/* Reads a MISP warning list. Before any look-up. */
bool allow_lists_add(struct allow_lists *lists, struct str text, const char *path,
                     struct error *err) MUST_CHECK;
size_t allow_lists_count(const struct allow_lists *lists);
const struct allow_list_info *allow_lists_info(const struct allow_lists *lists, size_t index);

/* -------------------------------------------------------------------- set */

struct indicator_image {
    struct str bytes; /* kept alive by the set */
    void (*release)(void *owner);
    void *owner;
};

/* Whether the bytes are an image of this version, unharmed; else the sentence without a path. */
bool indicator_image_is_whole(struct str image, struct error *err) MUST_CHECK;
/* The indicators of `now` that `before` ("" = nothing) does not have, or that still wait (`waiting`, "" =
 * none) as an image; returns their number. Damaged images count as "". */
uint64_t indicator_image_added(struct str now, struct str before, struct str waiting, struct buf *out);
/* How many of them the allow lists contain. */
uint64_t indicator_image_allowed(struct str image, const struct allow_lists *lists);

struct indicator_set;
struct indicator_set_options {
    struct indicator_plan *plan;    /* taken over */
    struct allow_lists *allow;      /* taken over; may be NULL */
    struct indicator_image *images; /* each is taken over, also on failure */
    size_t image_count;
};
/* NULL when an image is damaged: the sentence names its source or number. */
struct indicator_set *indicator_set_new(const struct indicator_set_options *options,
                                        struct error *err) MUST_CHECK;
struct indicator_set *indicator_set_ref(struct indicator_set *set);
void indicator_set_unref(struct indicator_set *set); /* NULL is fine */

size_t indicator_set_count(const struct indicator_set *set);
size_t indicator_set_memory(const struct indicator_set *set); /* tables, without images */
size_t indicator_set_sources(const struct indicator_set *set);
struct str indicator_set_source(const struct indicator_set *set, size_t index);
size_t indicator_set_source_count(const struct indicator_set *set, size_t index);
const struct allow_lists *indicator_set_allow(const struct indicator_set *set);

/* An indicator that matched; texts live as long as the set. */
struct indicator_view {
    enum indicator_type type;
    struct str source;
    int confidence;
    int64_t valid_from_ns, valid_until_ns; /* TIME_UNKNOWN = open */
    struct str description, labels, tlp, reference;
    uint32_t ref; /* identity within the set */
};
#define INDICATOR_HITS_MAX 32
#define INDICATOR_TEXT_MAX (INDICATOR_VALUE_MAX + 64)

/* What may be asked: the type is that of the value. An address is looked up among addresses and networks, a
 * domain among its parents too (and among addresses, when it is one), a URL with and without its query. */
struct indicator_question {
    enum indicator_type type;
    struct str text;
};
typedef void indicator_met(void *context, uint32_t question, uint32_t ref);
/* Calls `met` for every indicator that a value meets, questions in about their order; validity is not looked
 * at. Many at once cost much less than one by one: memory is read side by side. Allocates nothing. */
void indicator_set_ask(const struct indicator_set *set, const struct indicator_question *questions,
                       size_t count, indicator_met *met, void *context);
/* One value; at most INDICATOR_HITS_MAX indicators. */
size_t indicator_set_find(const struct indicator_set *set, enum indicator_type type, struct str value,
                          uint32_t refs[INDICATOR_HITS_MAX]);
struct indicator_view indicator_set_view(const struct indicator_set *set, uint32_t ref);
/* The indicator in canonical text; bytes written to `out`. */
size_t indicator_set_text(const struct indicator_set *set, uint32_t ref, char out[INDICATOR_TEXT_MAX]);
bool indicator_set_holds_at(const struct indicator_set *set, uint32_t ref, int64_t time_ns);
/* The allow list that contains the indicator or the observed value ("" = only the indicator); NULL = none. */
const struct allow_list_info *indicator_set_allowed(const struct indicator_set *set, uint32_t ref,
                                                    enum indicator_type type, struct str value);
/* Each indicator of a source, in no order worth knowing. False from `each` ends. */
void indicator_set_walk(const struct indicator_set *set, size_t source,
                        bool (*each)(void *context, uint32_t ref), void *context);

/* --------------------------------------------------------------- matching */

/* Looks up every event of the batch: threat.* fields on those that meet an indicator, and the findings, in
 * the order of events, linked by next (not yet part of batch->findings). Nothing is allocated when nothing
 * hits. */
struct finding *indicator_match_batch(const struct indicator_set *set, struct batch *batch);

/* The fields that are looked up, for the search back through the store. */
enum indicator_about { INDICATOR_ABOUT_HOST, INDICATOR_ABOUT_SOURCE, INDICATOR_ABOUT_DESTINATION };
struct indicator_field {
    field_id field;
    enum indicator_type type;
    enum indicator_about about; /* whose fields name the host in question */
};
size_t indicator_set_fields(const struct indicator_set *set, const struct indicator_field **fields);
/* What a meeting in this field (its number) means; false: nothing worth saying. */
struct indicator_meaning {
    enum level level; /* lowered by the indicator's confidence */
    struct str stage, evidence_group;
    double likelihood_ratio;
};
bool indicator_set_meaning(const struct indicator_set *set, size_t field, uint32_t ref, enum passage passage,
                           struct indicator_meaning *out);

#endif
