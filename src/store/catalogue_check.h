/* At start: do the folder and the catalogue say the same? */
#ifndef STORE_CATALOGUE_CHECK_H
#define STORE_CATALOGUE_CHECK_H

#include "base/error.h"
#include "store/state_parts.h"

struct catalogue_check {
    uint32_t missing;   /* parts whose file is gone or has another size: reported, left out of searches, their
                           rows in state.db stay */
    uint32_t removed;   /* files of a seal or merge that never finished: the journal or other parts have their
                           events */
    uint32_t set_aside; /* files that nothing accounts for: renamed to *.orphan */
};

/* Takes unusable parts out of `parts`. `is_new`: state.db had no catalogue until now; then sealed files in
 * the folder mean that state.db was lost, and starting would throw events away: refused with a sentence. */
bool catalogue_check_folder(const char *events_folder, uint64_t stored_through, bool is_new,
                            struct part_list *parts, struct catalogue_check *out,
                            struct error *err) MUST_CHECK;

#endif
