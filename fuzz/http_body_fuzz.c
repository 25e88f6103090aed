/* Fuzzes what the console reads of a request before a handler runs: target, headers, JSON body. The input is
 * "target \n header values … \n\n body"; every route's tables are tried on it. */
#include "console/router.h"

static const struct parameter MEMBERS[] = {{"user", PARAMETER_TEXT, true, 1, 64, NULL},
                                           {"limit", PARAMETER_INTEGER, false, 0, 100, NULL},
                                           {"time", PARAMETER_TIME, false, 0, 0, NULL},
                                           {"flag", PARAMETER_BOOLEAN, false, 0, 0, NULL},
                                           {"choice", PARAMETER_CHOICE, false, 0, 0, "a|b|c"},
                                           {0}};

static void read_headers(struct str headers)
{
    static const char *const NAMES[] = {"siem.example", NULL};
    struct str line;
    while (headers.n && str_split(&headers, '\n', &line)) {
        struct request r = {.header_count = 1};
        r.headers[0] = (struct pair){STR("Cookie"), line};
        request_cookie(&r, "hyakuyo_session");
        language_accepted(line, LANGUAGE_EN);
        accepts_gzip(line);
        host_is_own(line, NAMES);
        origin_is_own(line, STR("localhost:8480"));
    }
}

static void read_body(struct str body)
{
    struct arena arena;
    struct error en = {.text = ""}, ja = {.text = ""};
    struct parameter_value values[PARAMETERS_MAX];
    arena_init(&arena, 4096);
    bool ok = parameters_from_json(MEMBERS, body, &arena, 0, values, &en, &ja);
    BUG_IF(ok != (en.text[0] == '\0'));
    BUG_IF(ok && !values[0].is_given);
    arena_free(&arena);
}

static void read_target(struct str uri)
{
    struct arena arena;
    struct target target;
    struct str values[2];
    unsigned allowed;
    arena_init(&arena, 4096);
    if (target_parse(uri, &arena, &target) == TARGET_OK) {
        BUG_IF(!str_is_utf8(target.path));
        for (enum method m = METHOD_OTHER; m <= METHOD_OPTIONS; m++)
            router_find(&target, m, values, &allowed);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_n((const char *)data, size);
    size_t head = str_find(input, STR("\n\n"), 0);
    struct str headers = head == STR_NOT_FOUND ? input : str_slice(input, 0, head), target;
    if (headers.n && str_split(&headers, '\n', &target))
        read_target(target);
    read_headers(headers);
    read_body(head == STR_NOT_FOUND ? STR_EMPTY : str_skip(input, head + 2));
    return 0;
}
