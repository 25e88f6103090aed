/* The readers of feeds, one file each. Inside the stage only. Each takes the whole text, adds what it finds
 * to the builder and counts what it cannot use; false only when the text as a whole is of no use. */
#ifndef DETECT_INDICATOR_READER_H
#define DETECT_INDICATOR_READER_H

#include "base/clock.h"
#include "detect/indicator_text.h"

bool indicators_read_stix(struct str text, struct indicator_builder *b, struct error *err) MUST_CHECK;
bool indicators_read_misp(struct str text, struct indicator_builder *b, struct error *err) MUST_CHECK;
bool indicators_read_zeek(struct str text, struct indicator_builder *b, struct error *err) MUST_CHECK;
bool indicators_read_csv(struct str text, struct indicator_builder *b, struct error *err) MUST_CHECK;
bool indicators_read_list(struct str text, struct indicator_builder *b, struct error *err) MUST_CHECK;
/* Does the text have a header line with columns we know? */
bool indicators_is_csv(struct str text);
bool indicators_is_zeek(struct str text);

/* An indicator with nothing said. */
static inline struct indicator indicator_blank(void)
{
    return (struct indicator){.type = INDICATOR_ANY,
                              .confidence = -1,
                              .valid_from_ns = TIME_UNKNOWN,
                              .valid_until_ns = TIME_UNKNOWN,
                              .value = STR_EMPTY,
                              .description = STR_EMPTY,
                              .labels = STR_EMPTY,
                              .tlp = STR_EMPTY,
                              .reference = STR_EMPTY};
}

/* What feeds call their types: "ip-dst", "Intel::ADDR", "sha256_hash" … False when it is none we look up. */
bool indicator_type_of_word(struct str word, enum indicator_type *type);
/* ISO 8601, "YYYY-MM-DD HH:MM:SS" in UTC, or seconds since 1970; TIME_UNKNOWN when it is none. */
int64_t indicator_time(struct str text);
/* "TLP:AMBER+STRICT" → "amber+strict"; "" when it is none. */
struct str indicator_tlp(struct str word);

/* stix_pattern.c: adds the indicators of a pattern, each with the texts of `like`. */
void indicators_of_pattern(struct str pattern, const struct indicator *like, struct indicator_builder *b,
                           unsigned line);
/* The source takes them back. */
void indicators_forget_pattern(struct str pattern, struct indicator_builder *b);

#endif
