/* One source's indicators as bytes: the same in memory and in var/intel/NAME.indicators. Little endian; every
 * section begins at a multiple of 8. A program reads the version it was made for and refuses others: images
 * are made again from their feed by importing it again.
 *
 *   header │ source name │ hashes (u64, ascending) │ units (u32) │ networks (u32) │ records │ details
 *
 * hashes[i] is the hash of the key of the record at records + 8 × units[i]; loading reads these two arrays
 * and leaves the records, which only hits touch, to the page cache. networks lists the units of records that
 * are networks. Records name their details (texts for people) by offset; equal details are kept once. Inside
 * the stage only. */
#ifndef DETECT_INDICATOR_IMAGE_H
#define DETECT_INDICATOR_IMAGE_H

#include <assert.h>

#include "detect/indicator_text.h"

#define IMAGE_MAGIC   "HYINDIC1"
#define IMAGE_VERSION 1
#define SOURCE_MAX    64
#define TEXT_MAX      4096 /* of each text for people; the rest is cut */

struct image_header {
    char magic[8];
    uint32_t version;
    uint32_t count, network_count;
    uint32_t by_type[INDICATOR_TYPE_COUNT];
    uint32_t source_bytes;
    uint64_t hashes_at, units_at, networks_at, records_at, details_at, end; /* offsets from the beginning */
    uint64_t checksum; /* XXH3 of all that follows the header */
};
static_assert(sizeof(struct image_header) == 112, "part of the format");

#define NO_END UINT32_MAX
struct image_record {
    uint32_t valid_from_s, valid_until_s; /* seconds since 1970; 0 and NO_END = open; until is exclusive */
    uint32_t detail;                      /* 8-byte units from details_at */
    uint16_t key_bytes;
    uint8_t type;
    uint8_t confidence; /* 0–100; 255 = not said */
    unsigned char key[];
};
static_assert(sizeof(struct image_record) == 16, "part of the format");

struct image_detail {
    uint16_t description_bytes, labels_bytes, tlp_bytes, reference_bytes;
    char texts[]; /* in that order */
};

/* Checks what a damaged file could break; false sets the sentence without the path. */
bool image_check(struct str bytes, bool with_checksum, struct error *err) MUST_CHECK;
static inline const struct image_header *image_header(struct str image)
{
    return (const struct image_header *)(const void *)image.p;
}
/* NULL when the unit does not lead to a whole record. */
const struct image_record *image_record_at(struct str image, uint32_t unit);
/* The texts of a detail, within the image; "" when the unit leads nowhere. Sets no other member. */
void image_texts(struct str image, uint32_t unit, struct indicator *texts);

#endif
