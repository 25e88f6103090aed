/* How an infection came in (S3): content/vectors.yml says which evidence speaks for which way. Pure;
 * immutable once loaded. */
#ifndef INCIDENT_VECTOR_H
#define INCIDENT_VECTOR_H

#include "base/error.h"
#include "event/incident.h"

/* Ids that a person may choose too; the last one needs its reason. */
#define VECTOR_CHOICES                                                                                       \
    "mail|web|download|network_exploit|removable_media|brought_in_pc|supply_chain|remote_access|unknown"
#define VECTOR_UNKNOWN STR("unknown")

struct vectors;
/* NULL with a sentence that names file and line. */
struct vectors *vectors_load(const char *path, struct error *err) MUST_CHECK;
void vectors_free(struct vectors *v); /* NULL is fine */
/* Of the earliest finding that speaks for one; "" = none does. Lives as long as `v`. */
struct str vectors_of(const struct vectors *v, const struct incident *incident);

#endif
