/* Writing one Parquet file: row groups, Bloom filters, footer, SHA-256 over all of it. Columns have the
 * dotted field name as their name (not nested); lists have the standard three levels; time is
 * TIMESTAMP(MICROS, UTC). */
#ifndef STORE_PARQUET_FILE_H
#define STORE_PARQUET_FILE_H

#include "base/error.h"
#include "store/column_set.h"
#include "store/part.h"

#define PARQUET_FORMAT_VERSION "1" /* of our layout; in the file's metadata as hyakuyo.format_version */

struct parquet_file;

/* Creates `path` (replacing it). The columns of the first row group are the columns of the file. */
struct parquet_file *parquet_file_create(const char *path, int zstd_level, struct error *err) MUST_CHECK;
/* Every set must have the same columns in the same order. Errors (disk full …) leave only parquet_file_abort.
 */
bool parquet_file_write(struct parquet_file *f, const struct column_set *set, struct error *err) MUST_CHECK;
/* Writes the footer, fsyncs and closes; `f` is freed in any case, on error the file is removed. Sets the
 * part's rows, bytes, hash and columns; its sequences go into the file. */
bool parquet_file_finish(struct parquet_file *f, struct part *part, struct error *err) MUST_CHECK;
void parquet_file_abort(struct parquet_file *f); /* closes, removes, frees */

#endif
