/* libFuzzer: what comes to us as the answer of a RADIUS device. The bytes are held against a request as they
 * are, and once more with their authenticators made right, so that the attributes behind them are read too.
 */
#include "base/md5.h"
#include "connect/radius.h"

#define SECRET STR("xyzzy5461")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct radius_packet *request, struct str datagram, bool needs)
{
    struct error err = {{0}};
    struct radius_answer answer;
    bool ok = radius_check(request, SECRET, needs, datagram, &answer, &err);
    if (!ok && err.text[0] == 0)
        __builtin_trap();
    if (ok && (answer.message.n > RADIUS_VALUE_MAX || answer.is_ack != (answer.code % 3 == 2)))
        __builtin_trap();
}

/* The Response Authenticator over whatever the attributes are. */
static void look_signed(const struct radius_packet *request, const uint8_t *data, size_t size)
{
    uint8_t packet[RADIUS_PACKET_MAX];
    unsigned char hash[MD5_BYTES];
    struct error err;
    if (size < 20 || size > sizeof packet)
        return;
    memcpy(packet, data, size);
    packet[0] = (uint8_t)(request->bytes[0] + 1 + data[0] % 2);
    packet[1] = request->bytes[1];
    packet[2] = (uint8_t)(size >> 8);
    packet[3] = (uint8_t)size;
    memcpy(packet + 4, request->bytes + 4, MD5_BYTES);
    const struct str parts[] = {str_n((const char *)packet, size), SECRET};
    if (!md5_of(parts, 2, hash, &err))
        return;
    memcpy(packet + 4, hash, sizeof hash);
    look(request, str_n((const char *)packet, size), false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct radius_packet request;
    struct error err;
    radius_begin(&request, RADIUS_DISCONNECT_REQUEST, 7);
    if (!radius_put(&request, STR("User-Name"), STR("x"), &err) || !radius_sign(&request, SECRET, &err))
        return 0;
    look(&request, str_n((const char *)data, size), true);
    look(&request, str_n((const char *)data, size), false);
    look_signed(&request, data, size);
    return 0;
}
