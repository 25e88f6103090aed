/* Fuzzes what anybody may send without log-in: the JSON body of the form for suspicions (console) and the
 * file that says what it asks and takes (incident). The first byte chooses. */
#include "console/report_form.h"
#include "incident/intake.h"

/* Whatever is taken is within the bounds that the table promises, and a refusal says why in both languages.
 */
static void read_body(struct str body)
{
    struct arena arena;
    struct error en = {.text = ""}, ja = {.text = ""};
    struct parameter_value values[PARAMETERS_MAX];
    arena_init(&arena, 4096);
    bool ok = parameters_from_json(report_form_members, body, &arena, 0, values, &en, &ja);
    BUG_IF(ok != (en.text[0] == '\0'));
    BUG_IF(ok != (ja.text[0] == '\0'));
    for (size_t i = 0; ok && report_form_members[i].name; i++)
        if (values[i].is_given && report_form_members[i].kind == PARAMETER_TEXT)
            BUG_IF(values[i].text.n > (size_t)report_form_members[i].max || !str_is_utf8(values[i].text));
    arena_free(&arena);
}

static void read_rules(struct str text)
{
    struct error err = {.text = ""};
    struct intake_rules *rules = intake_rules_read(text, "f", &err);
    BUG_IF((rules == NULL) != (err.text[0] != '\0'));
    for (uint32_t i = 0; rules != NULL && i < rules->look_count; i++)
        intake_is_for(&rules->looks[i], rules->symptoms.items[0].id);
    intake_rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str text = str_n((const char *)data + 1, size - 1);
    data[0] % 2 == 0 ? read_body(text) : read_rules(text);
    return 0;
}
