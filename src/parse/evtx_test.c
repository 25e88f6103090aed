/* Windows event logs: values, templates, and every kind of damage. Files are made by evtx_testing.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "parse/evtx_testing.h"
#include "parse/xml.h"

/* The XML of all records of a chunk, one a line, then what was counted. */
static void assert_read(struct str chunk, const char *expected)
{
    struct evtx_reader *r = evtx_reader_new();
    struct evtx_counts n = {0};
    struct evtx_record record;
    struct buf out = {0};
    evtx_begin(r, chunk, &n);
    while (evtx_next(r, &record))
        buf_printf(&out, "%llu%s %.*s\n", (unsigned long long)record.id, record.is_damaged ? "!" : "",
                   STR_ARGS(record.xml));
    buf_printf(&out, "damaged %d lost %d bad %d sums %d", (int)n.damaged_records, (int)n.lost_records,
               (int)n.damaged_chunks, (int)n.bad_checksums);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
    evtx_reader_free(r);
}

/* <Event><System/><A>%0</A></Event> with one value. */
static size_t write_small(struct evtx_writer *w, uint64_t id, size_t place, struct evtx_given value)
{
    evtx_write_record_begin(w, id);
    if (place) {
        evtx_write_template_again(w, place);
    } else {
        place = evtx_write_template_begin(w);
        evtx_write_element(w, "Event", false);
        evtx_write_number(w, 0x02, 1);
        evtx_write_element(w, "System", false);
        evtx_write_number(w, 0x02, 1);
        evtx_write_number(w, 0x04, 1);
        evtx_write_element(w, "A", false);
        evtx_write_number(w, 0x02, 1);
        evtx_write_substitution(w, 0, true);
        evtx_write_number(w, 0x0404, 2);
        evtx_write_template_end(w, place);
    }
    evtx_write_values(w, &value, 1);
    evtx_write_record_end(w);
    return place;
}

static const struct evtx_given hello = {0x01, "h\0i\0&\0<\0\0", 10};

static void values_of_every_type(void **state)
{
    (void)state;
    static const struct {
        struct evtx_given value;
        const char *text;
    } cases[] = {
        {{0x00, "", 0}, ""},
        {{0x01, "a\0\"\0\xfc\0\x3d\xd8\0\xde\0\0", 12}, "a&quot;\xc3\xbc\xf0\x9f\x98\x80"},
        {{0x01, "\0\xd8x\0", 4}, "\xef\xbf\xbdx"}, /* half a character */
        {{0x02, "abc", 4}, "abc"},
        {{0x03, "\xff", 1}, "-1"},
        {{0x04, "\xff", 1}, "255"},
        {{0x05, "\x00\x80", 2}, "-32768"},
        {{0x06, "\x34\x12", 2}, "4660"},
        {{0x07, "\xfe\xff\xff\xff", 4}, "-2"},
        {{0x08, "\xfe\xff\xff\xff", 4}, "4294967294"},
        {{0x09, "\xff\xff\xff\xff\xff\xff\xff\xff", 8}, "-1"},
        {{0x0a, "\xff\xff\xff\xff\xff\xff\xff\xff", 8}, "18446744073709551615"},
        {{0x0b, "\x00\x00\xc0\x3f", 4}, "1.5"},
        {{0x0c, "\x00\x00\x00\x00\x00\x00\xf8\xbf", 8}, "-1.5"},
        {{0x0d, "\x01\x00\x00\x00", 4}, "true"},
        {{0x0d, "\x00\x00\x00\x00", 4}, "false"},
        {{0x0e, "\x00\xab", 2}, "00AB"},
        {{0x0f, "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16},
         "{00112233-4455-6677-8899-aabbccddeeff}"},
        {{0x10, "\x10\x00\x00\x00", 4}, "0x10"},
        {{0x11, "\x00\x00\x00\x00\x00\x00\x00\x00", 8}, "1601-01-01T00:00:00.0000000Z"},
        {{0x11, "\x00\xcd\x9b\xc7\xd6\x51\xdc\x01", 8}, "2025-11-10T00:13:02.8000000Z"},
        {{0x12, "\xe9\x07\x0b\x00\x01\x00\x0a\x00\x09\x00\x0d\x00\x02\x00\x08\x00", 16},
         "2025-11-10T09:13:02.008Z"},
        {{0x13, "\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00", 16}, "S-1-5-32-544"},
        {{0x13, "\x01\x09\x00\x00\x00\x00\x00\x05", 8}, "0109000000000005"}, /* too short for its count */
        {{0x14, "\xef\xbe\xad\xde", 4}, "0xdeadbeef"},
        {{0x15, "\x00\x00\x00\x00\x00\x00\x20\x80", 8}, "0x8020000000000000"},
        {{0x07, "\x01", 1}, "01"},       /* a size that does not fit */
        {{0x33, "\x01\x02", 2}, "0102"}, /* an unknown type */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct evtx_writer w;
        char expected[200];
        evtx_write_begin(&w);
        write_small(&w, 5, 0, cases[i].value);
        evtx_write_end(&w, true);
        snprintf(expected, sizeof expected,
                 "5 <Event><System></System><A>%s</A></Event>\ndamaged 0 lost 0 bad 0 sums 0", cases[i].text);
        assert_read(buf_str(&w.b), expected);
        evtx_write_free(&w);
    }
}

static void templates_and_names_are_shared(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    size_t place = write_small(&w, 1, 0, hello);
    write_small(&w, 2, place,
                (struct evtx_given){0x81, "x\0\0\0\0\0y\0\0", 10}); /* an array, one item empty */
    write_small(&w, 3, place, (struct evtx_given){0x88, "\1\0\0\0\2\0\0\0", 8});
    evtx_write_end(&w, true);
    assert_read(buf_str(&w.b), "1 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                               "2 <Event><System></System><A>x</A><A></A><A>y</A></Event>\n"
                               "3 <Event><System></System><A>1</A><A>2</A></Event>\n"
                               "damaged 0 lost 0 bad 0 sums 0");
    evtx_write_free(&w);
}

/* An element inside of a value, which has no dependency id there, and attributes with and without values. */
static void fragments_and_attributes(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    evtx_write_record_begin(&w, 9);
    size_t place = evtx_write_template_begin(&w);
    evtx_write_element(&w, "Event", true);
    evtx_write_attribute(&w, "xmlns", "urn:x\"");
    evtx_write_attribute(&w, "Gone", NULL);
    evtx_write_substitution(&w, 0, true);
    evtx_write_attribute(&w, "Empty", NULL);
    evtx_write_substitution(&w, 0, false);
    evtx_write_number(&w, 0x02, 1);
    evtx_write_substitution(&w, 1, true);
    evtx_write_number(&w, 0x08, 1); /* a character by its number, then an entity and CDATA */
    evtx_write_number(&w, 65, 2);
    evtx_write_number(&w, 0x09, 1);
    evtx_write_name(&w, "amp");
    evtx_write_number(&w, 0x07, 1);
    evtx_write_number(&w, 1, 2);
    evtx_write_utf16(&w, "<");
    evtx_write_number(&w, 0x04, 1);
    evtx_write_template_end(&w, place);
    evtx_write_number(&w, 2, 4);
    evtx_write_number(&w, 0, 4);
    size_t descriptor = w.b.n;
    evtx_write_number(&w, 0x210000, 4);
    size_t start = w.b.n;
    evtx_write_number(&w, 0x0001010f, 4);
    evtx_write_number(&w, 0x01, 1);
    evtx_write_number(&w, 0, 4);
    evtx_write_name(&w, "In ner");
    evtx_write_number(&w, 0x03, 1);
    evtx_write_number(&w, 0x00, 1);
    evtx_write_set(&w, descriptor, w.b.n - start, 2);
    evtx_write_record_end(&w);
    evtx_write_end(&w, true);
    assert_read(buf_str(&w.b), "9 <Event xmlns=\"urn:x&quot;\" Empty=\"\"><In_ner/>&#65;&amp;&lt;</Event>\n"
                               "damaged 0 lost 0 bad 0 sums 0");
    evtx_write_free(&w);
}

static void every_readable_record_of_a_damaged_chunk(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    size_t place = write_small(&w, 1, 0, hello);
    size_t second = w.b.n;
    write_small(&w, 2, place, hello);
    write_small(&w, 3, place, hello);
    evtx_write_end(&w, true);
    const char *all = "1 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                      "2 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                      "3 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                      "damaged 0 lost 0 bad 0 sums 1";
    w.b.p[52] ^= 1; /* a checksum that does not fit */
    assert_read(buf_str(&w.b), all);
    evtx_write_set(&w, 48, second, 4); /* the header of a log in use knows of the first record only */
    assert_read(buf_str(&w.b), all);
    evtx_write_set(&w, second + 8, 77,
                   8); /* what follows are remains of other records: they do not go on counting */
    assert_read(buf_str(&w.b),
                "1 <Event><System></System><A>hi&amp;&lt;</A></Event>\ndamaged 0 lost 0 bad 0 sums 1");
    evtx_write_set(&w, second + 8, 2, 8);
    evtx_write_set(&w, 48, 0xFFFFFFFF, 4);
    evtx_write_set(&w, second + 4, 1 << 30, 4); /* a size beyond the chunk: that record is stepped over */
    assert_read(buf_str(&w.b), "1 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                               "3 <Event><System></System><A>hi&amp;&lt;</A></Event>\n"
                               "damaged 0 lost 1 bad 0 sums 1");
    evtx_write_free(&w);
}

static void broken_records_tell_what_they_can(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    size_t place = write_small(&w, 1, 0, hello);
    write_small(&w, 2, place, hello);
    size_t token = str_find(buf_str(&w.b), (struct str){"\x0e\0\0", 3}, 512);
    w.b.p[token] = 0x1f; /* no such token, behind </System> in the template of both */
    evtx_write_end(&w, true);
    assert_read(
        buf_str(&w.b),
        "1! <Event><System></System><A>\n2! <Event><System></System><A>\ndamaged 2 lost 0 bad 0 sums 0");
    size_t name = str_find(buf_str(&w.b), (struct str){"S\0y\0s\0", 6}, 512);
    w.b.p[name] = 'X'; /* the name's hash does not fit any more: nothing before </System> */
    assert_read(buf_str(&w.b), "damaged 0 lost 2 bad 0 sums 1");
    evtx_write_free(&w);
}

/* A template that contains itself, directly and through a value, and one that grows without end. */
static void loops_end(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    evtx_write_record_begin(&w, 1);
    size_t place = evtx_write_template_begin(&w);
    evtx_write_element(&w, "E", false);
    evtx_write_number(&w, 0x02, 1);
    evtx_write_template_again(&w, place);
    evtx_write_number(&w, 0, 4);
    evtx_write_template_again(&w, place);
    evtx_write_number(&w, 0, 4);
    evtx_write_number(&w, 0x04, 1);
    evtx_write_template_end(&w, place);
    evtx_write_number(&w, 0, 4);
    evtx_write_record_end(&w);
    evtx_write_end(&w, true);
    assert_read(buf_str(&w.b), "damaged 0 lost 1 bad 0 sums 0");
    evtx_write_free(&w);
}

static void files_that_are_cut_or_none(void **state)
{
    (void)state;
    struct evtx_writer w;
    evtx_write_begin(&w);
    size_t place = write_small(&w, 1, 0, hello);
    size_t second = w.b.n;
    write_small(&w, 2, place, hello);
    evtx_write_end(&w, false);
    for (size_t n = 0; n <= w.b.n; n++) { /* any length: no more than what is whole */
        struct evtx_reader *r = evtx_reader_new();
        struct evtx_counts counts = {0};
        struct evtx_record record;
        char *copy = memory_alloc(n + 1); /* of its own, so that reading beyond it shows */
        memcpy(copy, w.b.p, n);
        evtx_begin(r, str_n(copy, n), &counts);
        while (evtx_next(r, &record))
            ;
        assert_int_equal(counts.records, n == w.b.n ? 2 : n >= second ? 1 : 0);
        memory_free(copy);
        evtx_reader_free(r);
    }
    evtx_write_free(&w);
    char zeros[1024] = {0};
    assert_read(str_n(zeros, sizeof zeros), "damaged 0 lost 0 bad 0 sums 0");
    zeros[7] = 1;
    assert_read(str_n(zeros, sizeof zeros), "damaged 0 lost 0 bad 1 sums 0");
}

static void recognises_event_logs(void **state)
{
    (void)state;
    static char start[EVTX_HEADER_BYTES + 8];
    assert_int_equal(evtx_recognise(STR_EMPTY), STR_NOT_FOUND);
    assert_int_equal(evtx_recognise(STR("ElfFile")), STR_NOT_FOUND);
    assert_int_equal(evtx_recognise(str_n(start, sizeof start)), STR_NOT_FOUND);
    memcpy(start + EVTX_HEADER_BYTES, "ElfChnk", 8); /* the file's header is lost */
    assert_int_equal(evtx_recognise(str_n(start, sizeof start)), EVTX_HEADER_BYTES);
    assert_int_equal(evtx_recognise((struct str){"ElfChnk\0", 8}), 0);
    assert_int_equal(evtx_recognise((struct str){"ElfFile\0", 8}), EVTX_HEADER_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(templates_and_names_are_shared),
        cmocka_unit_test(fragments_and_attributes),
        cmocka_unit_test(every_readable_record_of_a_damaged_chunk),
        cmocka_unit_test(broken_records_tell_what_they_can),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(files_that_are_cut_or_none),
        cmocka_unit_test(recognises_event_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
