/* The list of instruments, in the order in which they see an event: destination before beacon and upload,
 * which ask what it has just seen. */
#include "instrument/kinds.h"

#include "base/memory.h"

/* clang-format off */
const struct instrument_kind *const instrument_kinds[] = {
    &alerts_kind,
    &scan_kind,
    &approach_kind,
    &destination_kind,
    &beacon_kind,
    &dga_kind,
    &dns_tunnel_kind,
    &upload_kind,
    &conditions_kind,
    &egress_kind,
    &exploit_kind,
    &inventory_kind,
    &irc_kind,
    &launch_kind,
    &sensor_kind,
    &ransomware_kind,
    &mail_relay_kind,
    &mass_mail_kind,
    &mx_kind,
    &rare_port_kind,
    &watch_port_kind,
    &outbreak_kind,
    &skew_kind,
    &individuals_kind,
    &blind_host_kind,
};
const size_t instrument_kind_count = COUNT_OF(instrument_kinds);

bool instruments_has(struct str name)
{
    for (size_t k = 0; k < instrument_kind_count; k++)
        if (str_eq(name, str_c(instrument_kinds[k]->name)))
            return true;
    return false;
}

bool instruments_can_find(struct str finding_id)
{
    for (size_t k = 0; k < instrument_kind_count; k++)
        for (size_t i = 0; i < instrument_kinds[k]->finding_count; i++)
            if (str_eq(finding_id, str_c(instrument_kinds[k]->findings[i])))
                return true;
    return false;
}
