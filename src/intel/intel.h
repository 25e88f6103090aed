/* Threat intelligence in the data folder: imports feeds and allow lists, and makes of all of them the set
 * that workers look up.
 *
 *   file, folder, body of a request --intel_import--> DATA/intel/NAME.indicators (or .allow), a row of
 * state.db DATA/intel/NAME.new: what this import brought anew, for the search back through the store
 * (retro.h) DATA/intel --intel_open()--> struct indicator_set
 *
 * Indicators are files and not rows: 2 million of them are loaded in a fraction of a second, because loading
 * reads hashes only and leaves the rest to the page cache (docs/decisions.md). */
#ifndef INTEL_INTEL_H
#define INTEL_INTEL_H

#include "base/file.h"
#include "detect/indicator.h"
#include "store/state_intel.h"

struct intel_options {
    const char *data_dir;
    const char *content_folder; /* content/intel */
    struct str source;          /* "" = each file is a source of its own, named after it */
    struct str origin;          /* "" = the path */
    struct str cursor;          /* kept in the catalogue (TAXII) */
    bool adds;                  /* to what the source has, instead of replacing it (TAXII's pages) */
    int confidence;             /* −1 = unknown */
    struct str tlp;
    int64_t valid_ns;
    int64_t now_ns;
};

/* Told for each source that was imported. */
typedef void intel_told(void *context, const struct intel_source *source,
                        const struct indicator_report *report, uint64_t added);

/* Files, or folders of them; a MISP feed (a folder with manifest.json) is one source. False at the first that
 * cannot be imported; those before it are. */
bool intel_import_paths(struct state *state, const struct intel_options *options, const char *const *paths,
                        size_t count, intel_told *told, void *context, struct error *err) MUST_CHECK;
/* One text under options->source (or the allow list's own name). */
bool intel_import_text(struct state *state, const struct intel_options *options, struct str text,
                       intel_told *told, void *context, struct error *err) MUST_CHECK;
bool intel_remove(struct state *state, const char *data_dir, struct str name, bool *found,
                  struct error *err) MUST_CHECK;

/* All that is imported. A damaged file is left out with a warning. NULL only when content/intel is unusable.
 */
struct indicator_set *intel_open(struct state *state, const char *data_dir, const char *content_folder,
                                 struct error *err) MUST_CHECK;
/* Files at rest, for commands without a data folder; nothing is dropped as expired: event time decides. */
struct indicator_set *intel_read(const char *const *paths, const char *content_folder,
                                 struct error *err) MUST_CHECK;
/* One image of the data folder with every allow list: what is new of a source. */
struct indicator_set *intel_open_file(struct state *state, const char *data_dir, const char *file,
                                      const char *content_folder, struct error *err) MUST_CHECK;

/* {"refused":[…],"types":{…}} */
void intel_details_json(const struct indicator_report *report, struct buf *out);

#endif
