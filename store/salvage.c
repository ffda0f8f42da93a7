#include "salvage.h"

static uint64_t missing(uint64_t before, uint64_t now)
{
    return before > now ? before - now : 0;
}

static void loss_count(struct store_loss *loss, const struct store_sealed *before,
                       const struct store_sealed *now)
{
    loss->events = missing(before->event_count, now->event_count);
    loss->entities = missing(before->entity_count, now->entity_count);
    loss->gaps = missing(before->gap_count, now->gap_count);
    loss->undecoded = missing(before->undecoded, now->undecoded);
}

/* Made to be asked once, so packed fast. */
static int image_seal(struct btr_buffer *image, struct store_sealed *sealed,
                      const struct store_load *load, struct btr_err *err)
{
    struct store_sealer sealer;
    struct seal_input *inputs = store_load_inputs(load);
    bool ready = store_sealer_init(&sealer);
    sealer.packer.level = 1;
    int rc = ready && inputs ? store_seal(&sealer, load->builder, inputs, sealed, err)
                             : btr_fail(err, BTR_E_NOMEM, UINT64_MAX,
                                        "out of memory while reading a damaged segment");
    if (rc == 0) {
        *image = sealer.packer.file;
        sealer.packer.file = (struct btr_buffer){0};
    }
    store_sealer_fini(&sealer);
    free(inputs);
    return rc;
}

int store_salvage(struct store_segment *seg, const struct store_sealed *before,
                  struct btr_buffer *image, struct store_sealed *sealed, struct store_loss *loss,
                  struct btr_err *err)
{
    struct store_builder builder = {0};
    struct store_load load = {.builder = &builder, .loss = loss};
    *loss = (struct store_loss){0};
    int rc = store_load_segment(&load, seg, err);
    if (rc == 0)
        rc = image_seal(image, sealed, &load, err);
    if (rc == 0)
        loss_count(loss, before, sealed);
    store_load_fini(&load);
    store_builder_fini(&builder);
    return rc;
}
