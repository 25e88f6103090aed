/* FIPS 180-4's own examples, and bytes that come in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/sha256.h"

static void check(struct str bytes, size_t piece, const char *expected)
{
    unsigned char hash[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    struct sha256 *h = sha256_new();
    for (size_t at = 0; at < bytes.n; at += piece)
        sha256_add(h, str_slice(bytes, at, at + piece < bytes.n ? at + piece : bytes.n));
    sha256_end(h, hash);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(text, expected);
}

static void gives_the_standards_hashes(void **state)
{
    (void)state;
    check(STR(""), 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t piece = 1; piece <= 64; piece *= 4) {
        check(STR("abc"), piece, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        check(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), piece,
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_standards_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
