/* A port that neither transport has taken. A datagram port that the kernel picked may be somebody's outgoing
 * TCP connection, so both are tried. Next: syslog_tcp.c. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "input/input.h"

enum { TRIES = 64 };

static in_port_t *port_in(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET ? &((struct sockaddr_in *)address)->sin_port
                                         : &((struct sockaddr_in6 *)address)->sin6_port;
}

/* The port bound, 0 when it could not be. */
static in_port_t try_port(int type, struct sockaddr_storage address)
{
    socklen_t n = sizeof address;
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, n) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &n) == 0;
    if (fd >= 0)
        close(fd);
    return is_bound ? *port_in(&address) : 0;
}

uint16_t inputs_free_port(const char *address)
{
    struct sockaddr_storage at = {0};
    if (uv_ip4_addr(address, 0, (struct sockaddr_in *)&at) != 0 &&
        uv_ip6_addr(address, 0, (struct sockaddr_in6 *)&at) != 0)
        return 0;
    for (int i = 0; i < TRIES; i++) {
        struct sockaddr_storage same = at;
        *port_in(&same) = try_port(SOCK_STREAM, at);
        if (*port_in(&same) != 0 && try_port(SOCK_DGRAM, same) != 0)
            return ntohs(*port_in(&same));
    }
    return 0;
}
