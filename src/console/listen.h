/* Addresses: the one to listen on, and those of peers. */
#ifndef CONSOLE_LISTEN_H
#define CONSOLE_LISTEN_H

#include <netinet/in.h>

#include "base/error.h"
#include "base/ip.h"

union listen_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "127.0.0.1:8480", "[::1]:8480", "0.0.0.0:0" */
bool listen_address_parse(const char *text, union listen_address *out, struct error *err) MUST_CHECK;
/* Binds and listens; the port that was given for 0 is in `*port`. */
bool listen_open(const char *text, int *fd, unsigned *port, struct error *err) MUST_CHECK;

void address_to_ip(const struct sockaddr *address, struct ip *out);
bool ip_is_loopback(const struct ip *ip);

#endif
