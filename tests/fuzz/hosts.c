/* Property: an inventory is refused, or every address that it lists has an owner that is known by
 * its canonical name. */
#include <assert.h>

#include <btr/hosts.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_known(const struct btr_hosts *hosts, struct btr_span host)
{
    uint8_t buffer[256];
    assert(btr_hosts_known(hosts, host));
    struct btr_span again = btr_host_canonical(hosts, host, buffer);
    assert(btr_span_equal(again, host)); /* canonical once is canonical for good */
    for (uint32_t i = 0; btr_hosts_address(hosts, host, i).size > 0; i++) {
        struct btr_span owner = btr_hosts_owner(hosts, btr_hosts_address(hosts, host, i));
        assert(btr_hosts_known(hosts, owner));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_span text = {data, size};
    struct btr_hosts *hosts = NULL;
    struct btr_err err = {0};
    int rc = btr_hosts_parse(&hosts, text, &err);
    assert((rc == 0) == (hosts != NULL));
    assert(rc == 0 || (err.text[0] != '\0' && (err.offset == UINT64_MAX || err.offset <= size)));

    for (size_t at = 0; at < size; at++) { /* every piece of the text as a name: most are none */
        uint8_t buffer[256];
        struct btr_span rest = {data + at, size - at < 40 ? size - at : 40};
        struct btr_span name = btr_host_canonical(hosts, rest, buffer);
        if (btr_hosts_known(hosts, name))
            assert_known(hosts, name);
        (void)btr_hosts_owner(hosts, rest);
    }
    btr_hosts_free(hosts);
    return 0;
}
