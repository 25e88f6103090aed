/* On how many hosts each program was started, exactly, and when it was first seen. A program is whatever 64
 * bits identify it (the hash of a signer, a file or a path); a host is a number. */
#ifndef INSTRUMENT_PREVALENCE_H
#define INSTRUMENT_PREVALENCE_H

#include "instrument/kind.h"

struct prevalence;
struct prevalence *prevalence_new(double max_programs, double max_pairs);
void prevalence_free(struct prevalence *p);
void prevalence_count(struct prevalence *p, uint64_t program, uint32_t host, int64_t time_ns);
/* False when it was never seen, or is forgotten. */
bool prevalence_of(const struct prevalence *p, uint64_t program, uint32_t *hosts, int64_t *first_ns);
/* Launches before that time count no more. */
void prevalence_drop_before(struct prevalence *p, int64_t time_ns);
void prevalence_save(const struct prevalence *p, struct buf *out);
bool prevalence_load(struct prevalence *p, struct cursor *in);
void prevalence_measure(const struct prevalence *p, struct instrument_info *out); /* adds */

#endif
