/* Any bytes as YAML: a tree within its limits or a sentence. */
#include "base/memory.h"
#include "base/yaml.h"

static size_t walk(const struct yaml *y)
{
    size_t nodes = 0;
    for (; y; y = y->next) {
        BUG_IF(y->type == YAML_SCALAR && y->child);
        nodes += 1 + walk(y->child);
    }
    return nodes;
}

/* libfyaml 0.7.12 forgets up to 4 KiB of its own when a scalar consists of very many pieces; nothing here can
 * release it. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:fy_atom_format_text\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct error err = {{0}};
    struct yaml *y = yaml_parse(str_n((const char *)data, size), "fuzz.yml", &arena, &err);
    BUG_IF(!y && !err.text[0]);
    BUG_IF(walk(y) > 400000);
    arena_free(&arena);
    return 0;
}
