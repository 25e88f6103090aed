/* Named strings → typed ECS fields. Knowledge is data: the files of content/parsers, described in
 * docs/parsers.md, compiled once into an immutable program that all workers share; each worker runs it with
 * its own scratch. A new set of parsers is a new normaliser; the old one is freed when nobody uses it any
 * more. */
#ifndef NORMALISE_NORMALISE_H
#define NORMALISE_NORMALISE_H

#include "event/batch.h"
#include "event/source.h"

struct normaliser;
struct normaliser_scratch;

/* What loading and proving found, in sentences that begin with file:line:column. Free with load_report_free.
 */
struct load_report {
    uint32_t loaded, refused;  /* parsers */
    uint32_t proved, unproved; /* parsers with at least one sample, all passing; parsers without samples */
    uint32_t samples, samples_failed;
    struct buf sentences; /* one a line */
};
void load_report_free(struct load_report *report);

/* Reads every *.yml below the folders (NULL-terminated). A parser with a mistake is refused and reported, the
 * others go on. NULL only when a folder cannot be read. A later folder replaces parsers of the same name. */
struct normaliser *normaliser_load(const char *const *folders, struct load_report *report,
                                   struct error *err) MUST_CHECK;
void normaliser_free(struct normaliser *n);

/* Runs the samples of every parser through the whole normaliser; false when one failed. */
bool normaliser_prove(const struct normaliser *n, struct load_report *report) MUST_CHECK;

size_t normaliser_parser_count(const struct normaliser *n); /* numbers are 1 … count */
struct str normaliser_parser_name(const struct normaliser *n,
                                  uint16_t number); /* "" for 0 and unknown numbers */
struct str normaliser_parser_title(const struct normaliser *n, uint16_t number, bool japanese);
/* What people call the system that a finding names: the title where that is a parser's name or one of our own
 * sources, else the text itself. Borrowed from the normaliser and from `system`. */
void normaliser_system_name(const struct normaliser *n, struct str system, struct str *en, struct str *ja);
/* Number of a parser by its name or an alias of its own; 0 = none. */
uint16_t normaliser_parser_find(const struct normaliser *n, struct str name);

/* One per thread; tied to the normaliser it was made for. */
struct normaliser_scratch *normaliser_scratch_new(const struct normaliser *n);
void normaliser_scratch_free(struct normaliser_scratch *s);

/* What is remembered about one source: the parser that fitted last, and, when it learns tables, the headers
 * that it has sent (W3C, Zeek). One that learns belongs to one thread that gives the records in order; others
 * may be shared, and records bring the headers along (record->tables). NULL = nothing is remembered. */
struct source_memory;
struct source_memory *source_memory_new(bool learns_tables);
void source_memory_free(struct source_memory *m);

/* Makes the event of one record. Never fails: what nobody understands gets EVENT_PARSE_FAILURE, `message` and
 * the raw record. `record->raw` must live as long as the event; everything else goes into `arena`. `source`
 * may be NULL; its zone and pinned parser (name, alias) are used, and when the pinned parser does not fit the
 * content decides. Times without a year are placed near record->received_ns. */
void normalise_record(const struct normaliser *n, struct normaliser_scratch *s, struct source_memory *memory,
                      const struct record *record, const struct source *source, struct arena *arena,
                      struct event *out);

/* Headers learned ahead of workers, by one thread in the order of the records. Lives longer than all records
 * that were given a struct known_tables of it, and whatever normalisers come and go. */
struct table_list *table_list_new(void);
void table_list_free(struct table_list *list);
/* Cheap: whether table_list_take() could learn from the record. */
bool table_may_begin(struct str raw);
/* Learns what the record tells, if it is a header line; `known` is the newest state of the list. */
void table_list_take(const struct normaliser *n, struct normaliser_scratch *s, struct table_list *list,
                     struct known_tables *known, const struct record *record, const struct source *source,
                     struct arena *arena);
/* One header as bytes, and back to the end of a list; false when they are none. */
void table_list_write(const struct table_list *list, uint32_t at, struct buf *out);
bool table_list_read(struct table_list *list, struct str bytes);

#endif
