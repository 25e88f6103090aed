/* Where simulated lines go: files of a folder, one file in order of arrival, standard output, or a syslog
 * server. */
#ifndef COMMAND_SIMULATE_OUTPUT_H
#define COMMAND_SIMULATE_OUTPUT_H

#include "base/buf.h"
#include "base/error.h"

#define SIMULATE_OUTPUT_SOURCES 64

struct simulate_output_options {
    const char *folder;  /* logs/SOURCE.log, assets/, truth.ndjson below it; NULL = none */
    bool is_one_file;    /* logs/all.log in order of arrival instead of a file for each source */
    const char *address; /* HOST:PORT, a syslog server over TCP; NULL = none */
    int64_t speed;       /* times real time; 0 = as fast as it goes */
};

struct simulate_output;
struct simulate_output *simulate_output_open(const struct simulate_output_options *options,
                                             struct error *err);
/* False when something could not be written; simulate_output_close() says what. */
bool simulate_output_line(struct simulate_output *o, int64_t arrival_ns, unsigned source,
                          struct str source_name, struct str text);
bool simulate_output_truth(struct simulate_output *o, struct str json);
uint64_t simulate_output_lines(const struct simulate_output *o);
bool simulate_output_close(struct simulate_output *o, struct error *err) MUST_CHECK; /* frees; NULL is fine */

#endif
