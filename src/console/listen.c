/* The listening socket. Stage: console. Reads "address:port", leaves a bound socket or a sentence that says
 * why not. Next: http.c gives it to the HTTP library. */
#include "console/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ip.h"

static void fill_address(const struct ip *ip, uint16_t port, union listen_address *out)
{
    memset(out, 0, sizeof *out);
    if (ip_is_v4(ip)) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        memcpy(&out->v4.sin_addr, ip->bytes + 12, 4);
    } else {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        memcpy(&out->v6.sin6_addr, ip->bytes, 16);
    }
}

bool listen_address_parse(const char *text, union listen_address *out, struct error *err)
{
    struct ip ip = {0};
    uint64_t port;
    struct str whole = str_c(text);
    size_t colon = str_find_last_char(whole, ':');
    if (colon == STR_NOT_FOUND || !ip_parse(str_slice(whole, 0, colon), &ip) ||
        !str_to_u64(str_skip(whole, colon + 1), 10, &port) || port > 65535)
        return error_set(err, "\"%s\" is not an address to listen on; write 127.0.0.1:8480 or [::1]:8480.",
                         text);
    fill_address(&ip, (uint16_t)port, out);
    return true;
}

static bool open_socket(const union listen_address *address, const char *text, int *fd, struct error *err)
{
    int yes = 1;
    socklen_t n = address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
    *fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return error_errno(err, "cannot open a socket for the console on %s", text);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(*fd, &address->any, n) != 0 || listen(*fd, SOMAXCONN) != 0) {
        error_errno(
            err,
            "cannot listen on %s for the console (is another program, or another hyakuyo, using the port?)",
            text);
        close(*fd);
        return false;
    }
    return true;
}

bool listen_open(const char *text, int *fd, unsigned *port, struct error *err)
{
    union listen_address address = {.v6 = {0}};
    socklen_t n = sizeof address;
    if (!listen_address_parse(text, &address, err) || !open_socket(&address, text, fd, err))
        return false;
    if (getsockname(*fd, &address.any, &n) != 0) {
        close(*fd);
        return error_errno(err, "cannot ask the port of %s", text);
    }
    *port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    return true;
}

void address_to_ip(const struct sockaddr *address, struct ip *out)
{
    memset(out, 0, sizeof *out);
    if (address->sa_family == AF_INET) {
        out->bytes[10] = out->bytes[11] = 0xff;
        memcpy(out->bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    }
}

bool ip_is_loopback(const struct ip *ip)
{
    static const unsigned char V6[16] = {[15] = 1};
    return ip_is_v4(ip) ? ip->bytes[12] == 127 : memcmp(ip->bytes, V6, sizeof V6) == 0;
}
