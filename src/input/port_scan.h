/* A light TCP connect scan of our own hosts (S97–S99): no raw sockets, no scripts, nothing is sent over a
 * connection. One thread, the caller's. Knows the monotonic clock only; when to scan is decided elsewhere
 * (port_plan.h).
 *
 *   connect ──▶ refused: closed, the host is up
 *           ──▶ accepted: open; what the service says by itself within banner_ms is its banner
 *           ──▶ nothing within timeout_ms: silent (dropped, or the host is off)
 *
 * Open ports are probed a second time two seconds after the last one: what is open again is confirmed.
 * Packets: a probe costs one, an accepted connection three more; no host gets more than packets_per_second.
 * The timeout must stay below a second, when the kernel would send a probe again. */
#ifndef INPUT_PORT_SCAN_H
#define INPUT_PORT_SCAN_H

#include "base/error.h"
#include "base/ip.h"

#define PORT_SCAN_MAX_OPEN     1024 /* of one host; more are not told */
#define PORT_SCAN_BANNER_BYTES 96
#define PORT_SCAN_HOSTS_MOST   64 /* at once */

struct port_scan_open {
    uint16_t port;
    bool is_confirmed;
    char banner[PORT_SCAN_BANNER_BYTES]; /* printable ASCII of the first line, "" = silent service */
};

enum port_scan_state {
    PORT_SCAN_UP,
    PORT_SCAN_SILENT,   /* no port answered: off, or a firewall drops everything */
    PORT_SCAN_NOT_DONE, /* the scan was stopped before this host was done */
};

struct port_scan_result {
    size_t target; /* index */
    enum port_scan_state state;
    const struct port_scan_open *open;
    size_t open_count;
    uint64_t packets; /* sent to it, as counted above */
};

struct port_scan_settings {
    const struct ip *targets;
    size_t target_count;
    const uint16_t *ports;
    size_t port_count;
    unsigned packets_per_second, timeout_ms, banner_ms, hosts_at_once;
    bool (*go_on)(void *context); /* false: stop at once (the kill switch, the end of the window) */
    void (*done)(void *context, const struct port_scan_result *result); /* once for each target */
    void *context;
};

/* False when sockets cannot be made at all; the targets that were not done are told as such first. */
bool port_scan_run(const struct port_scan_settings *settings, struct error *err) MUST_CHECK;

#endif
