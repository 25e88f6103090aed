/* Results of nmap (`nmap -oX`), host by host. The XML comes from outside: nothing is expanded or fetched, and
 * sizes are limited. */
#ifndef PARSE_NMAP_H
#define PARSE_NMAP_H

#include "base/error.h"
#include "parse/named.h"

#define NMAP_MAX_HOSTS 1000000
#define NMAP_MAX_PORTS 131072 /* of one host: every TCP and UDP port; further ones are cut and counted */

struct nmap_port {
    uint16_t number;
    struct str protocol, service, banner; /* "tcp"; product and version, "" when not asked for */
};

struct nmap_host {
    struct str address, name; /* name "" when it has none */
    bool is_up;
    struct str reason; /* why it counts as down or up: "no-response" */
    int64_t end_s;     /* since 1970; 0 = not told */
    const struct nmap_port *ports;
    size_t port_count; /* open ones only */
};

struct nmap_run {
    int64_t start_s;   /* 0 = not told */
    char coverage[80]; /* "tcp:1-1000", or with a hash when the list is long; the same for the same ports */
    uint64_t hosts, open; /* handed out */
    uint64_t refused;     /* hosts without an address, ports that are no ports */
    bool is_broken_off;   /* the file ends before the scan did: what was complete was handed out */
};

/* Calls `take` for each host; texts are valid during the call. False when the text is no result of nmap, or
 * `take` says so (then `err` is its business). `path` is for the message. */
bool nmap_read(struct str text, const char *path,
               bool (*take)(void *context, const struct nmap_run *run, const struct nmap_host *host),
               void *context, struct nmap_run *run, struct error *err) MUST_CHECK;

#endif
