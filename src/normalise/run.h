/* The state of one record while its parser runs. Private to this stage. */
#ifndef NORMALISE_RUN_H
#define NORMALISE_RUN_H

#include "normalise/program.h"
#include "parse/syslog.h"

struct cell {
    struct str text; /* p == NULL with is_time: not yet formatted */
    int64_t time_ns;
    bool is_time;
    struct cell *more; /* further values, newest last */
    struct cell *last;
};

struct extra { /* a name of the record that is kept under the vendor's prefix */
    struct str name, text;
    uint32_t part; /* 0, or 1 + index into the parser's parts */
};

#define EXTRAS_MAX 1024
#define KEEP_CACHE 4096 /* power of two */

struct kept_name {
    uint64_t hash; /* of parser number and name; 0 = free */
    struct str name;
    field_id field;
};

struct zone_memo {
    char name[32];
    uint8_t n;
    const struct zone *zone;
};

struct normaliser_scratch {
    const struct normaliser *normaliser;
    struct cell *cells;
    uint32_t *filled;    /* per slot: the generation that filled its cell */
    uint32_t generation; /* of this run */
    slot_id *touched;
    uint32_t touched_count;
    struct extra *extras;
    uint32_t extra_count;
    struct named_list *named;
    struct str *columns; /* COLUMN_HEADER_MAX */
    struct str *captures;
    struct json_reader *json;
    struct json_leaves leaves;
    struct regex_scratch *regex;
    struct kept_name *kept;
    struct arena kept_arena;
    uint32_t kept_count;
    struct zone_memo zones[8];
    unsigned zone_next;
    uint64_t *seen; /* literals met in this record, a bit each */
    uint32_t seen_words;
    uint32_t *hits; /* their numbers */
    uint32_t hit_count;
    struct buf abridged; /* a long record, as far as it is looked at */
    const struct recogniser **tried;
    uint32_t tried_count;
    struct column_header *header; /* work space */
};

struct run {
    const struct parser *parser;
    struct normaliser_scratch *s;
    struct arena *arena;
    struct source_memory *memory;
    const struct known_tables *known;
    const struct syslog *syslog;
    struct time_context time;
    struct str message; /* what the shape reads */
    int64_t time_ns;    /* TIME_UNKNOWN until a rule fits */
    bool refused, stopped;
    bool has_parts; /* names of a part were seen: the others are the shipper's, not the vendor's */
    unsigned steps;
};

/* Slots. An empty text and the parser's null values do not fill a slot when they come from the record
 * (slot_fill), but may be set. */
struct str slot_text(struct run *r, slot_id slot); /* p == NULL when unset */
static inline bool slot_is_set(const struct run *r, slot_id slot)
{
    return r->s->filled[slot] == r->s->generation;
}
void slot_set(struct run *r, slot_id slot, struct str text);
void slot_set_time(struct run *r, slot_id slot, int64_t time_ns);
void slot_append(struct run *r, slot_id slot, struct str text);
void slot_unset(struct run *r, slot_id slot);
void slot_set_number(struct run *r, slot_id slot, int64_t number);
bool slot_number(struct run *r, slot_id slot, int64_t *number);
bool is_null_value(const struct parser *p, struct str text);
void slot_fill(struct run *r, slot_id slot, struct str text);    /* from the record */
void name_fill(struct run *r, struct str name, struct str text); /* by name, from the record */

struct str expression_text(struct run *r, const struct expression *e); /* p == NULL when absent */
bool expression_holds(struct run *r, const struct expression *e);

void run_assignments(struct run *r, const struct assignment *a);
void run_block(struct run *r, const struct block *b);
bool run_shape(struct run *r, const struct shape *shape); /* false: the text does not have it */
bool run_date(struct run *r, const struct date *date);
void run_url(struct run *r, struct str text); /* fills url.* that are not set */
void run_derive(struct run *r);
void run_emit(struct run *r, struct event *out);

/* Which parsers may fit: each adds to s->tried, best first, parsers that are there already left out.
 * recognise_by_content also adds the recognisers that look at everything (the generic ones). */
#define TRIED_MAX 64
void recognise_by_name(struct normaliser_scratch *s, const struct named_parsers *named,
                       const struct syslog *y, struct str raw);
void recognise_by_memory(const struct normaliser *n, struct normaliser_scratch *s,
                         const struct source_memory *m, const struct syslog *y, struct str raw);
void recognise_by_app(const struct normaliser *n, struct normaliser_scratch *s, const struct syslog *y,
                      struct str raw);
void recognise_by_content(const struct normaliser *n, struct normaliser_scratch *s, const struct syslog *y,
                          struct str raw);
void recognise_remember(const struct normaliser *n, struct source_memory *m, const struct recogniser *r);

#endif
