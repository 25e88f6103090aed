/* What answer.c and estate.c share. Inside the stage only. */
#ifndef FLEET_ANSWER_H
#define FLEET_ANSWER_H

#include "fleet/questions.h"

void answer_text(struct json_writer *w, const char *key, struct str text);
void answer_name(struct json_writer *w, const struct fleet *f, const char *key, name_id id);
void answer_count(struct json_writer *w, const char *key, uint64_t n);
void answer_real(struct json_writer *w, const char *key, double value); /* below 0: null */
void answer_moment(struct json_writer *w, const char *key, int64_t time_ns);
void answer_titled(struct json_writer *w, const struct titled *t);
bool is_asked(const struct fleet *f, const struct fleet_asking *asking, const struct host *h);
bool is_asked_by_name(const struct fleet_asking *asking, struct str host);
const char *colour_name(enum colour c);

/* The inventory's words for the hosts it knows, and how many hosts each product is on. Before any judgement.
 */
void apply_inventory(struct fleet *f, const struct asset_set *assets);
/* The host that a row of the inventory means; NULL = never seen. */
struct host *host_of_asset(struct fleet *f, const struct asset_host *asset);
struct str host_newest_address(const struct host *h, char text[IP_TEXT_MAX]); /* "" = none */
/* A row of the inventory that is asked for and that no log has named. */
bool is_never_seen(struct fleet *f, const struct fleet_asking *asking, const struct asset_host *asset);
struct str shown_name(struct fleet *f, name_id host); /* of a host that may be forgotten by now */
struct verdict ask(const struct fleet *f, enum fleet_question q, const struct host *h,
                   enum control_function function);

/* estate.c: members of the summary. */
void estate_matrix(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w);
void estate_uniformity(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w);
void estate_propagation(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w);
void estate_scans(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w); /* scans.c */
void estate_products(struct fleet *f, const struct fleet_asking *asking, struct json_writer *w);

#endif
