/* Port scans of our own as records for the journal (content/parsers/hyakuyo.port-scan.yml reads them): one
 * JSON line for each open port and one for each host, done or not.
 *
 *   nmap's XML ─ports_put_nmap()─┐
 *   port_scan_run() ─ports_run()─┴▶ lines ─▶ a running server, or standard output */
#ifndef ORGANISATION_PORTS_H
#define ORGANISATION_PORTS_H

#include "base/buf.h"
#include "organisation/port_plan.h"
#include "parse/nmap.h"

void ports_put_nmap(struct buf *out, const struct nmap_run *run, const struct nmap_host *host);

/* DATA/ports.state: when the daily scan last ended, and which hosts it missed how often in a row. */
#define PORTS_MISSED_MAX 65536
struct ports_missed {
    struct str address;
    uint32_t times;
};
struct ports_state {
    int64_t day; /* local, of the last daily scan that reached its end or the end of its window; 0 = never */
    struct ports_missed *missed;
    size_t count;
};
bool ports_state_load(struct ports_state *state, const char *data_dir, struct arena *arena,
                      struct error *err) MUST_CHECK;
bool ports_state_save(const struct ports_state *state, const char *data_dir, struct error *err) MUST_CHECK;

/* DATA/ports.stop: while it is there, no scan runs (the kill switch). */
bool ports_are_stopped(const char *data_dir);

struct ports_run_options {
    const struct port_plan *plan;
    struct port_target *targets; /* missed ones are moved to the front */
    size_t count;
    const char *data_dir;
    const struct zone *zone;
    bool is_scheduled; /* ends with the window, and remembers what it missed */
    /* Takes finished lines. */
    bool (*write)(void *context, struct str lines, struct error *err);
    void *context;
};
struct ports_counts {
    size_t scanned, silent, never, not_done, open;
};
/* `state` is changed when scheduled, and not yet saved. */
bool ports_run(const struct ports_run_options *options, struct ports_state *state, struct arena *arena,
               struct ports_counts *counts, struct error *err) MUST_CHECK;

#endif
