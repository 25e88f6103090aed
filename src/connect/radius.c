/* Packets of dynamic authorisation (stage connect). Next: radius_attribute.c, radius_client.c. */
#include "connect/radius.h"

#include "base/log.h"
#include "base/md5.h"
#include "base/memory.h"

#define HEAD_BYTES            20
#define AUTHENTICATOR         4
#define MESSAGE_AUTHENTICATOR 80
#define REPLY_MESSAGE         18
#define ERROR_CAUSE           101

const char *radius_code_name(enum radius_code code)
{
    static const char *const names[] = {"Disconnect-Request", "Disconnect-ACK", "Disconnect-NAK",
                                        "CoA-Request",        "CoA-ACK",        "CoA-NAK"};
    BUG_IF(code < RADIUS_DISCONNECT_REQUEST || code > RADIUS_COA_NAK);
    return names[code - RADIUS_DISCONNECT_REQUEST];
}

static struct str bytes_of(const uint8_t *p, size_t n)
{
    return str_n((const char *)p, n);
}

/* -------------------------------------------------------------------- writing */

void radius_begin(struct radius_packet *p, enum radius_code code, uint8_t identifier)
{
    memset(p->bytes, 0, HEAD_BYTES + 2 + MD5_BYTES);
    p->bytes[0] = (uint8_t)code;
    p->bytes[1] = identifier;
    p->bytes[HEAD_BYTES] = MESSAGE_AUTHENTICATOR;
    p->bytes[HEAD_BYTES + 1] = 2 + MD5_BYTES;
    p->n = HEAD_BYTES + 2 + MD5_BYTES;
}

bool radius_sign(struct radius_packet *p, struct str secret, struct error *err)
{
    uint8_t *at = p->bytes + HEAD_BYTES + 2;
    struct str parts[2];
    p->bytes[2] = (uint8_t)(p->n >> 8);
    p->bytes[3] = (uint8_t)p->n;
    memset(p->bytes + AUTHENTICATOR, 0, MD5_BYTES);
    memset(at, 0, MD5_BYTES);
    unsigned char code[MD5_BYTES];
    if (!hmac_md5(secret, bytes_of(p->bytes, p->n), code, err))
        return false;
    memcpy(at, code, sizeof code);
    parts[0] = bytes_of(p->bytes, p->n);
    parts[1] = secret;
    return md5_of(parts, 2, p->bytes + AUTHENTICATOR, err);
}

/* -------------------------------------------------------------------- reading */

/* Where both differ is nobody's to learn from the time it took. */
static bool is_same(const uint8_t *a, const uint8_t *b)
{
    unsigned differs = 0;
    for (size_t i = 0; i < MD5_BYTES; i++)
        differs |= (unsigned)(a[i] ^ b[i]);
    return differs == 0;
}

/* The packet with the request's authenticator in its place, as RFC 2865 and RFC 5176 reckon over it. */
static size_t copy_reckoned(const struct radius_packet *request, struct str datagram, uint8_t *copy)
{
    memcpy(copy, datagram.p, datagram.n);
    memcpy(copy + AUTHENTICATOR, request->bytes + AUTHENTICATOR, MD5_BYTES);
    return datagram.n;
}

static bool is_from_peer(const struct radius_packet *request, struct str secret, struct str datagram,
                         bool *is, struct error *err)
{
    uint8_t copy[RADIUS_PACKET_MAX];
    unsigned char hash[MD5_BYTES];
    size_t n = copy_reckoned(request, datagram, copy);
    const struct str parts[] = {bytes_of(copy, n), secret};
    if (!md5_of(parts, 2, hash, err))
        return false;
    *is = is_same(hash, (const uint8_t *)datagram.p + AUTHENTICATOR);
    return true;
}

static bool is_authentic(const struct radius_packet *request, struct str secret, struct str datagram,
                         size_t at, bool *is, struct error *err)
{
    uint8_t copy[RADIUS_PACKET_MAX];
    unsigned char code[MD5_BYTES];
    size_t n = copy_reckoned(request, datagram, copy);
    memset(copy + at, 0, MD5_BYTES);
    if (!hmac_md5(secret, bytes_of(copy, n), code, err))
        return false;
    *is = is_same(code, (const uint8_t *)datagram.p + at);
    return true;
}

/* Walks the attributes; `*authenticator` becomes the place of the Message-Authenticator's value, 0 = none. */
static bool read_attributes(struct str datagram, struct radius_answer *out, size_t *authenticator)
{
    const uint8_t *bytes = (const uint8_t *)datagram.p;
    *authenticator = 0;
    for (size_t at = HEAD_BYTES; at < datagram.n;) {
        size_t n = datagram.n - at >= 2 ? bytes[at + 1] : 0;
        if (n < 2 || n > datagram.n - at)
            return false;
        const uint8_t *value = bytes + at + 2;
        if (bytes[at] == MESSAGE_AUTHENTICATOR) {
            if (n != 2 + MD5_BYTES || *authenticator != 0)
                return false;
            *authenticator = at + 2;
        }
        if (bytes[at] == ERROR_CAUSE && n == 6)
            out->error_cause =
                (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 | (uint32_t)value[2] << 8 | value[3];
        if (bytes[at] == REPLY_MESSAGE && out->message.n == 0)
            out->message = bytes_of(value, n - 2);
        at += n;
    }
    return true;
}

static bool has_shape(const struct radius_packet *request, struct str *datagram, struct radius_answer *out,
                      size_t *authenticator, struct error *err)
{
    const uint8_t *bytes = (const uint8_t *)datagram->p;
    size_t length = datagram->n >= HEAD_BYTES ? (size_t)bytes[2] << 8 | bytes[3] : 0;
    if (length < HEAD_BYTES || length > RADIUS_PACKET_MAX || length > datagram->n)
        return error_set(err, "%s", tr("what came is no RADIUS packet", "RADIUS のパケットではありません"));
    *datagram = str_slice(*datagram, 0, length); /* what is behind is padding (RFC 2865, 3) */
    unsigned asked = request->bytes[0];
    if (bytes[1] != request->bytes[1] || (bytes[0] != asked + 1 && bytes[0] != asked + 2))
        return error_set(err,
                         tr("what came (code %u, identifier %u) answers another request",
                            "別の要求への応答です(コード %u、識別子 %u)"),
                         bytes[0], bytes[1]);
    out->code = (enum radius_code)bytes[0];
    out->is_ack = bytes[0] == asked + 1;
    return read_attributes(*datagram, out, authenticator) ||
           error_set(err, "%s", tr("the answer's attributes are malformed", "応答の属性が壊れています"));
}

bool radius_check(const struct radius_packet *request, struct str secret, bool needs_authenticator,
                  struct str datagram, struct radius_answer *out, struct error *err)
{
    size_t authenticator = 0;
    bool is = false;
    *out = (struct radius_answer){.message = STR_EMPTY};
    if (!has_shape(request, &datagram, out, &authenticator, err) ||
        !is_from_peer(request, secret, datagram, &is, err))
        return false;
    if (!is)
        return error_set(err, "%s",
                         tr("the answer's authenticator is wrong: the secret is another one there",
                            "応答の認証子が合いません。共有鍵が相手と異なります"));
    if (authenticator == 0)
        return !needs_authenticator ||
               error_set(err, "%s",
                         tr("the answer has no Message-Authenticator; if the device cannot send one, say "
                            "message_authenticator: optional",
                            "応答に Message-Authenticator がありません。機器が対応していなければ "
                            "message_authenticator: optional と書いてください"));
    if (!is_authentic(request, secret, datagram, authenticator, &is, err))
        return false;
    return is || error_set(err, "%s",
                           tr("the answer's Message-Authenticator is wrong",
                              "応答の Message-Authenticator が合いません"));
}

struct str radius_error_cause(uint32_t cause)
{
    static const struct {
        uint32_t cause;
        const char *name;
    } causes[] = {{201, "Residual-Session-Context-Removed"},
                  {202, "Invalid-EAP-Packet"},
                  {401, "Unsupported-Attribute"},
                  {402, "Missing-Attribute"},
                  {403, "NAS-Identification-Mismatch"},
                  {404, "Invalid-Request"},
                  {405, "Unsupported-Service"},
                  {406, "Unsupported-Extension"},
                  {407, "Invalid-Attribute-Value"},
                  {501, "Administratively-Prohibited"},
                  {502, "Request-Not-Routable"},
                  {503, "Session-Context-Not-Found"},
                  {504, "Session-Context-Not-Removable"},
                  {505, "Other-Proxy-Processing-Error"},
                  {506, "Resources-Unavailable"},
                  {507, "Request-Initiated"},
                  {508, "Multiple-Session-Selection-Unsupported"}};
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (causes[i].cause == cause)
            return str_c(causes[i].name);
    return STR_EMPTY;
}
