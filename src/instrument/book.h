/* content/instruments/NAME.yml: an instrument's texts, parameters, lists, and what it can tell.
 *
 *   title: {en, ja}            description: {en, ja}
 *   parameters:
 *     NAME: {value: 25, unit: destinations, description: {en, ja}}
 *   lists:
 *     NAME: [a, b]
 *   replaces: [ID]           correlations that count the same more simply: silent where the instrument runs
 *   findings:
 *     ID: {title: {en, ja}, level: high, likelihood_ratio: 30, evidence_group: outward_attack,
 *          stage: outward_attack, attack: [T1046], description: {en, ja}, next_steps: {en: [], ja: []}}
 *
 * Every parameter and finding of the kind must be there and no other. */
#ifndef INSTRUMENT_BOOK_H
#define INSTRUMENT_BOOK_H

#include "base/arena.h"
#include "instrument/kind.h"

struct book_list {
    struct str name;
    struct str *items;
    size_t count;
};

struct book {
    struct arena arena;
    struct str title_en, title_ja, description_en, description_ja;
    void *parameters; /* the kind's struct */
    struct parameter_info *parameter_infos;
    struct rule_info *findings; /* in the order of the kind */
    struct book_list *lists;
    size_t list_count;
    struct book_list replaces;
    const void *own; /* what the kind's read() made; NULL = it has none */
};

bool book_read(struct book *b, const struct instrument_kind *kind, const char *folder,
               struct error *err) MUST_CHECK;
void book_free(struct book *b);

#endif
