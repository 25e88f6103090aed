/* JSON and XML files at rest: what is recognised, where records begin and end, what damage costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "input/documents.h"

static char folder[] = "/tmp/hyakuyo-documents-XXXXXX";

/* "LINE:RECORD|", '!' behind broken ones; then the bytes that belong to none. */
static void read_documents(struct str content, size_t max_bytes, struct buf *out)
{
    char path[64];
    struct error err;
    snprintf(path, sizeof path, "%s/file", folder);
    assert_true(file_write_atomic(path, content, 0600, &err));
    struct line_reader *r = line_reader_open(path, 1 << 20, &err);
    assert_non_null(r);
    struct documents d = {.kind = documents_recognise(line_reader_peek(r)), .max_bytes = max_bytes};
    struct str record;
    uint64_t line;
    bool was_cut;
    int status = 0;
    if (d.kind == DOCUMENTS_NONE)
        buf_c(out, "lines");
    while (d.kind != DOCUMENTS_NONE && (status = documents_next(&d, r, &record, &line, &was_cut, &err)) == 1)
        buf_printf(out, "%d:%.*s%s|", (int)line, STR_ARGS(record), was_cut ? "!" : "");
    assert_int_equal(status, 0);
    if (d.skipped_bytes)
        buf_printf(out, " skipped %d", (int)d.skipped_bytes);
    documents_free(&d);
    line_reader_close(r);
}

static void cases(void **state)
{
    (void)state;
    static const struct {
        const char *content, *expected;
    } all[] = {
        {"", "lines"},
        {"{\"a\":1}\n{\"a\":2}\n", "lines"},
        {"{\"a\":1}", "lines"},
        {"{\"a\":1\n{\"a\":2}\n", "lines"}, /* a broken line of NDJSON */
        {"<189>date=2025-11-10", "lines"},
        {"<?xml version=\"1.0\"?><nmaprun/>", "lines"},
        {"[2025-11-10] started", "lines"},
        {"[]", ""},
        {"[{\"a\":1},{\"a\":[{}]}]", "1:{\"a\":1}|1:{\"a\":[{}]}|"},
        {"[\n{\"a\":\"}\\\"{\"},\n {\"b\":2}\n]\n", "2:{\"a\":\"}\\\"{\"}|3:{\"b\":2}|"},
        {"{\n \"a\": {\"b\": 1}\n}\n{\n \"a\": 2\n}\n", "1:{\n \"a\": {\"b\": 1}\n}|4:{\n \"a\": 2\n}|"},
        {"\xef\xbb\xbf{\n \"a\": 2}", "1:{\n \"a\": 2}|"},
        {"\xff\xfe{\0\n\0 \0}\0", "1:{\n }|"},
        {"{\n \"a\": 1,\n{\n \"a\": 2\n}\n", "1:{\n \"a\": 1,\n!|3:{\n \"a\": 2\n}|"}, /* never closed */
        {"{\n \"a\": \"x\n{\n \"a\": 2\n}\n", "1:{\n \"a\": \"x\n!|3:{\n \"a\": 2\n}|"},
        {"{\n \"a\": [1", "1:{\n \"a\": [1!|"},
        {"{ \"Records\" : [ {\"a\":1}, {\"a\":2} ], \"next\": \"{x\" }", "1:{\"a\":1}|1:{\"a\":2}|"},
        {"{\"value\":[{\"a\":{\"value\":[{}]}}]}", "1:{\"a\":{\"value\":[{}]}}|"},
        {"{\"value\":[1]}", "lines"},
        {"[{\"a\":1}] lost {\"b\":2}", "1:{\"a\":1}|1:{\"b\":2}| skipped 4"},
        {"<Event><A/></Event>\n<Event x='1'>\n</Event>", "1:<Event><A/></Event>|2:<Event x='1'>\n</Event>|"},
        {"<?xml version='1.0'?>\n<Events>\n<Event><EventData/></Event><Event/></Events>",
         "3:<Event><EventData/></Event>|3:<Event/>|"},
        {"<!-- <Event --><Event><![CDATA[</Event>]]></Event>", "1:<Event><![CDATA[</Event>]]></Event>|"},
        {"<Events><Event>a</Event>lost<EventX/><Event>b", "1:<Event>a</Event>|1:<Event>b!| skipped 4"},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct buf out = {0};
        bool is_wide = all[i].content[0] == '\xff';
        read_documents(is_wide ? str_n(all[i].content, 10) : str_c(all[i].content), 1 << 20, &out);
        if (strcmp(buf_cstr(&out), all[i].expected) != 0)
            fail_msg("%s\ngave %s\nexpected %s", all[i].content, buf_cstr(&out), all[i].expected);
        buf_free(&out);
    }
}

/* Records that lie across the reader's buffers, at every offset, and one that is longer than the limit. */
static void across_buffers(void **state)
{
    (void)state;
    static const char *const forms[][3] = {
        {"[", "{\"number\":%d,\"text\":\"}]%s\"},\n", "]"},
        {"<Events>\n", "<Event><N>%d</N><T>%s</T></Event>\n", "</Events>"},
    };
    for (size_t form = 0; form < COUNT_OF(forms); form++) {
        struct buf content = {0}, expected = {0}, out = {0};
        buf_c(&content, forms[form][0]);
        for (int i = 0; i < 20000; i++) {
            char record[200], text[80];
            memset(text, 'x', sizeof text);
            text[i % 79] = 0;
            int n = snprintf(record, sizeof record, forms[form][1], i, text);
            buf_bytes(&content, record, (size_t)n);
            buf_printf(&expected, "%d:%.*s|", i + 1 + (int)form, form == 0 ? n - 2 : n - 1, record);
        }
        buf_c(&content, forms[form][2]);
        read_documents(buf_str(&content), 1 << 20, &out);
        assert_int_equal(out.n, expected.n);
        assert_memory_equal(out.p, expected.p, out.n);
        buf_clear(&out);
        read_documents(buf_str(&content), 20, &out); /* all are cut, none is lost */
        size_t count = 0;
        for (size_t at = 0; (at = str_find(buf_str(&out), STR("!|"), at)) != STR_NOT_FOUND; at++)
            count++;
        assert_int_equal(count, 20000);
        buf_free(&content);
        buf_free(&expected);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases), cmocka_unit_test(across_buffers)};
    assert_non_null(mkdtemp(folder));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
