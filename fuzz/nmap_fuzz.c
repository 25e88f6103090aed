/* libFuzzer: results of nmap. */
#include "parse/nmap.h"

static bool take(void *context, const struct nmap_run *run, const struct nmap_host *host)
{
    size_t *bytes = context; /* every text must be readable */
    *bytes += host->address.n + host->name.n + (run->coverage[0] != 0);
    for (size_t i = 0; i < host->port_count; i++)
        *bytes += str_hash(host->ports[i].banner) + host->ports[i].number;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bytes = 0;
    struct nmap_run run;
    struct error err;
    return nmap_read(str_n((const char *)data, size), "fuzz", take, &bytes, &run, &err) && bytes == 1 ? 0 : 0;
}
