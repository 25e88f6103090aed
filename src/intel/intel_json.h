/* Sources, hits and indicators as JSON objects. */
#ifndef INTEL_INTEL_JSON_H
#define INTEL_INTEL_JSON_H

#include "base/json.h"
#include "detect/indicator.h"
#include "store/state_intel.h"

void intel_source_json(struct json_writer *w, const struct intel_source *source);
void intel_hit_json(struct json_writer *w, const struct intel_hit *hit);
/* Every indicator that the value meets, as whatever type it can be; nothing when there is none. */
void intel_matches_json(struct json_writer *w, const struct indicator_set *set, struct str value);

#endif
