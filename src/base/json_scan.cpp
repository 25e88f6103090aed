// Ground floor: simdjson's stage 1 behind a C header; the implementation for this processor is chosen at run
// time. Reads bytes, leaves offsets. json.c is next.
#include "base/json_scan.h"

#include <memory>
#include <new>

#include <simdjson.h>

namespace
{
constexpr size_t first_capacity = 16 * 1024;
constexpr size_t kept_capacity = 1024 * 1024; // a larger one serves one document and is given back
} // namespace

struct json_scanner {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

json_scanner *json_scanner_new(void)
{
    json_scanner *s = new (std::nothrow) json_scanner;
    if (!s)
        return nullptr;
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(first_capacity, 1,
                                                                                s->parser)) {
        delete s;
        return nullptr;
    }
    return s;
}

void json_scanner_free(json_scanner *s)
{
    delete s;
}

// The parser's capacity must be above the length of the document.
static bool make_room(json_scanner *s, size_t n)
{
    size_t capacity = s->parser->capacity();
    if (capacity > kept_capacity && n < kept_capacity / 2)
        return s->parser->set_capacity(first_capacity) == simdjson::SUCCESS && make_room(s, n);
    if (n < capacity)
        return true;
    while (capacity <= n)
        capacity *= 2;
    return s->parser->set_capacity(capacity) == simdjson::SUCCESS;
}

const uint32_t *json_scan(json_scanner *s, const char *p, size_t n, size_t *count, const char **reason)
{
    if (!make_room(s, n)) {
        *reason = "it is too large";
        return nullptr;
    }
    auto failure = s->parser->stage1(reinterpret_cast<const uint8_t *>(p), n, simdjson::stage1_mode::regular);
    if (failure) {
        *reason = simdjson::error_message(failure);
        return nullptr;
    }
    *count = s->parser->n_structural_indexes;
    uint32_t *offsets = s->parser->structural_indexes.get();
    offsets[*count] = static_cast<uint32_t>(n);
    return offsets;
}
