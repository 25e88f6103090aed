/* Packets against ones that were reckoned by another program (Python's hashlib, by RFC 5176, 2865, 2869). */
#include "connect/radius.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/memory.h"

#define SECRET STR("xyzzy5461")

static const char REQUEST[] =
    "2807005195f234bbee2ea0f04eae754dd16a715e50125f41bc65ec5aef151872b2daddf3729d"
    "1f1330322d30302d35452d30302d35332d303108060a141e321a0c0000000901066162636437066553f100";
static const char ACK[] = "2907002667bcc353c152d2608e7227461ecf3c7250120a0d1464bff6e470540347ab64be9b04";
static const char NAK[] = "2a07003d10783028426ae68afa7d66b05445e9325012ae79289e089b19c39280f6f23e944d43"
                          "6506000001f712116e6f20737563682073657373696f6e";
static const char BARE_ACK[] = "290700141547ab679e936b4ce55758e7154346ab";

static struct str unhex(const char *hex, char *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        uint64_t byte;
        assert_true(str_to_u64(str_n(hex + 2 * i, 2), 16, &byte));
        out[i] = (char)byte;
    }
    return str_n(out, n);
}

static void request(struct radius_packet *p)
{
    struct error err;
    radius_begin(p, RADIUS_DISCONNECT_REQUEST, 7);
    assert_true(radius_put(p, STR("Calling-Station-Id"), STR("02-00-5E-00-53-01"), &err));
    assert_true(radius_put(p, STR("framed-ip-address"), STR("10.20.30.50"), &err));
    assert_true(radius_put(p, STR("Vendor/9/1"), STR("abcd"), &err));
    assert_true(radius_put_time(p, 1700000000, &err));
    assert_true(radius_sign(p, SECRET, &err));
}

static void a_request_is_signed(void **state)
{
    (void)state;
    struct radius_packet p;
    char bytes[256];
    struct str wanted = unhex(REQUEST, bytes);
    request(&p);
    assert_int_equal(p.n, wanted.n);
    assert_memory_equal(p.bytes, wanted.p, wanted.n);
}

static void answers_are_held_against_the_request(void **state)
{
    (void)state;
    struct radius_packet p;
    struct radius_answer answer;
    struct error err;
    char bytes[256], longer[257];
    request(&p);
    assert_true(radius_check(&p, SECRET, true, unhex(ACK, bytes), &answer, &err));
    assert_true(answer.is_ack);
    assert_true(radius_check(&p, SECRET, true, unhex(NAK, bytes), &answer, &err));
    assert_false(answer.is_ack);
    assert_int_equal(answer.error_cause, 503);
    assert_true(str_eq(answer.message, STR("no such session")));
    assert_true(str_eq(radius_error_cause(answer.error_cause), STR("Session-Context-Not-Found")));
    assert_true(radius_check(&p, SECRET, false, unhex(BARE_ACK, bytes), &answer, &err));
    assert_false(radius_check(&p, SECRET, true, unhex(BARE_ACK, bytes), &answer, &err));
    assert_non_null(strstr(err.text, "message_authenticator: optional"));
    struct str padded = unhex(ACK, longer);
    longer[padded.n] = 'x';
    assert_true(radius_check(&p, SECRET, true, str_n(longer, padded.n + 1), &answer, &err));
}

/* Every byte of an answer counts: none may change. */
static void nothing_forged_is_taken(void **state)
{
    (void)state;
    struct radius_packet p;
    struct radius_answer answer;
    struct error err;
    char bytes[256];
    request(&p);
    struct str nak = unhex(NAK, bytes);
    for (size_t i = 0; i < nak.n; i++) {
        bytes[i] = (char)(bytes[i] ^ 1);
        assert_false(radius_check(&p, SECRET, true, nak, &answer, &err));
        assert_true(err.text[0] != 0);
        bytes[i] = (char)(bytes[i] ^ 1);
    }
    for (size_t n = 0; n < nak.n; n++)
        assert_false(radius_check(&p, SECRET, true, str_n(bytes, n), &answer, &err));
    assert_false(radius_check(&p, STR("xyzzy5462"), true, nak, &answer, &err));
    p.bytes[1] = 8;
    assert_false(radius_check(&p, SECRET, true, nak, &answer, &err));
}

static void values_that_do_not_fit(void **state)
{
    (void)state;
    struct radius_packet p;
    struct error err;
    char big[300];
    memset(big, 'a', sizeof big);
    static const char *const bad[][2] = {{"No-Such", "x"},
                                         {"Framed-IP-Address", "2001:db8::1"},
                                         {"Framed-IPv6-Address", "10.0.0.1"},
                                         {"NAS-Port", "-1"},
                                         {"NAS-Port", "4294967296"},
                                         {"User-Name", ""},
                                         {"Vendor/0/1", "x"},
                                         {"Vendor/9", "x"},
                                         {"Vendor/9/256", "x"},
                                         {"Vendor/9/1/2", "x"}};
    radius_begin(&p, RADIUS_COA_REQUEST, 1);
    size_t before = p.n;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(radius_put(&p, str_c(bad[i][0]), str_c(bad[i][1]), &err));
    assert_false(radius_put(&p, STR("User-Name"), str_n(big, 254), &err));
    assert_false(radius_put(&p, STR("Vendor/9/1"), str_n(big, 248), &err));
    assert_int_equal(p.n, before);
    unsigned put = 0;
    while (radius_put(&p, STR("User-Name"), str_n(big, 253), &err))
        put++;
    assert_int_equal(put, (RADIUS_PACKET_MAX - before) / 255);
    assert_true(p.n <= RADIUS_PACKET_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_request_is_signed),
                                       cmocka_unit_test(answers_are_held_against_the_request),
                                       cmocka_unit_test(nothing_forged_is_taken),
                                       cmocka_unit_test(values_that_do_not_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
