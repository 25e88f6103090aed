/* A body that goes into a file while it comes, with its SHA-256: files of evidence, which do not fit into
 * memory. One thread at a time: the event loop while the body comes, then the worker that runs the handler.
 */
#ifndef CONSOLE_UPLOAD_H
#define CONSOLE_UPLOAD_H

#include "base/error.h"
#include "console/services.h"

struct upload;

/* A file in `folder` (made when missing) that is to become `announced` bytes, 0 = it was not said. NULL with
 * a sentence in both languages when it cannot be made; *is_full when the disk lacks the room: what the
 * journal and the store need to go on is left to them. */
struct upload *upload_new(const char *folder, uint64_t announced, bool *is_full, struct error *en,
                          struct error *ja) MUST_CHECK;
/* False as above; the upload is only to be freed then. */
bool upload_add(struct upload *u, struct str bytes, bool *is_full, struct error *en,
                struct error *ja) MUST_CHECK;
/* On disk, and hashed. `out` is valid until the upload is freed. Blocks. */
bool upload_end(struct upload *u, struct console_upload *out, struct error *err) MUST_CHECK;
/* Removes the file unless somebody has moved it away. NULL is fine. */
void upload_free(struct upload *u);
/* Removes what a crash has left in the folder. */
void upload_clear(const char *folder);

#endif
