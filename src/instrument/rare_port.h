/* What rare_port.c keeps and rare_port_day.c ranks. Inside the instrument only. */
#ifndef INSTRUMENT_RARE_PORT_H
#define INSTRUMENT_RARE_PORT_H

#include "instrument/kind.h"
#include "instrument/ports.h"

struct rare_port_parameters {
    double rare_hosts, rare_share, memory_days, min_score, daily_list, failure_weight, learning_days,
        new_ports_a_day, ephemeral_from, max_hosts, max_pairs;
};

struct port_key {
    uint32_t host; /* its number; 0 in the table of ports */
    uint16_t port;
    uint8_t protocol, unused;
};
static inline struct str port_key_str(const struct port_key *k)
{
    return (struct str){(const char *)k, sizeof *k};
}

struct host_record {
    uint32_t number;
    char ip[IP_TEXT_MAX], name[64];
    uint8_t ip_bytes, name_bytes;
    int64_t noted_ns;
};

struct port_record {
    uint32_t hosts;   /* entries in pairs */
    uint32_t is_met;  /* something got through or may have */
    int64_t first_ns; /* within the port's memory */
};

enum { USE_FAILED, USE_UNKNOWN, USE_ANSWERED };
struct use_record { /* of a port by a host on the day at hand */
    struct ip destination;
    uint8_t best;
};

/* Of the instrument's lists: what is never rare, for all and for hosts whose work it is. */
struct usual_ports {
    const struct ports *all, *mail_server, *name_server;
};

struct rare_port {
    const struct rare_port_parameters *p;
    const struct usual_ports *usual;
    struct keyed *hosts, *ports, *pairs, *uses;
    int64_t first_ns, day, day_ends_ns; /* day: local, since 1970 */
    uint64_t excepted;
    uint32_t new_today, next_number;
};

enum { RARE_PORT_HOST, PORT_FIRST_SEEN };

bool rare_port_is_rare(const struct rare_port *r, const struct port_record *port);
/* The list of the day that is over, the most conspicuous host first. */
void rare_port_tell_day(struct rare_port *r, struct instrument *i, int64_t time_ns);
void rare_port_tell_new(struct instrument *i, const struct sight *s, double left_today);
int64_t rare_port_local_day(const struct instrument *i, int64_t time_ns);

#endif
