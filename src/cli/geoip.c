/* Opens what --geoip names, for serve, replay, scan, trace and parse. */
#include "cli/geoip.h"

bool geoip_open(const struct arguments *a, struct geo **out, struct error *err)
{
    const struct option_value *files = argument(a, "geoip");
    *out = NULL;
    if (files->list_count == 0)
        return true;
    *out = geo_open(files->list, files->list_count, err);
    return *out != NULL;
}
