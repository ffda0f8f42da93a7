/* Graphviz: a cluster a host, a box a process. */
#include <btr/damage.h>
#include <btr/escape.h>

#include "exports.h"

static const char *shape_of(uint8_t kind)
{
    switch (kind) {
    case BTR_KIND_PROCESS:
        return "box";
    case BTR_KIND_FILE:
        return "note";
    case BTR_KIND_FLOW:
    case BTR_KIND_RENDEZVOUS:
        return "diamond";
    case BTR_KIND_CHANNEL:
        return "cds";
    default:
        return "ellipse";
    }
}

enum { LABEL_MAX = 100 }; /* bytes of a label; the whole is in the tooltip, or what is missing */

static void node(struct btr_buffer *out, const struct btr_answer *a, uint32_t i)
{
    const struct answer_node *n = &a->nodes[i];
    struct btr_span head = n->label;
    if (head.size > LABEL_MAX)
        head.size = LABEL_MAX;
    btr_buffer_format(out, "    n%u [shape=%s, label=", (unsigned)i, shape_of(n->entity.kind));
    btr_escape_dot(out, head);
    btr_buffer_text(out, n->hole ? ", style=dashed, tooltip=" : ", tooltip=");
    btr_escape_dot(out, n->hole ? n->doubt : n->label);
    if (a->trace->nodes[i].start)
        btr_buffer_text(out, ", penwidth=3, color=red");
    btr_buffer_text(out, "];\n");
}

/* Nodes of one host, where no node before `i` has that host. */
static void cluster(struct btr_buffer *out, const struct btr_answer *a, uint32_t i)
{
    struct btr_span host = a->nodes[i].entity.host;
    for (uint32_t k = 0; k < i; k++) {
        if (btr_span_equal(a->nodes[k].entity.host, host))
            return;
    }
    if (host.size) {
        btr_buffer_format(out, "  subgraph cluster_%u {\n    label=", (unsigned)i);
        btr_escape_dot(out, host);
        btr_buffer_text(out, ";\n");
    }
    for (uint32_t k = i; k < a->trace->node_count; k++) {
        if (btr_span_equal(a->nodes[k].entity.host, host))
            node(out, a, k);
    }
    btr_buffer_text(out, host.size ? "  }\n" : "");
}

static void edge(struct btr_buffer *out, struct btr_answer *a, const struct answer_edge *e)
{
    struct btr_buffer label = {0}, doubt = {0};
    query_edge_words(&label, e);
    if (e->record_count > 1)
        btr_buffer_format(&label, " x%u%s", (unsigned)e->record_count,
                          e->thinned > 0 ? " (thinned)" : "");
    if (e->bytes != BTR_BYTES_UNKNOWN) {
        btr_buffer_text(&label, ", ");
        query_bytes_text(&label, e->bytes);
    }
    btr_buffer_format(out, "  n%u -> n%u [label=", (unsigned)e->from, (unsigned)e->to);
    btr_escape_dot(out, btr_buffer_view(&label));
    (void)answer_edge_doubt(a, e, &doubt);
    if (doubt.size) {
        btr_buffer_text(out, ", style=dashed, tooltip=");
        btr_escape_dot(out, btr_buffer_view(&doubt));
    }
    btr_buffer_text(out, "];\n");
    out->failed |= label.failed || doubt.failed;
    btr_buffer_fini(&doubt);
    btr_buffer_fini(&label);
}

/* What is damaged, and whether it was cut. */
static void title(struct btr_buffer *out, const struct btr_answer *a)
{
    struct btr_buffer text = {0};
    btr_damage_text(&text, a->reader);
    if (a->trace->cut != BTR_CUT_NONE) {
        btr_buffer_text(&text, "CUT: ");
        query_cut_text(&text, a);
    }
    if (text.size) {
        btr_buffer_text(out, "  labelloc=t;\n  label=");
        btr_escape_dot(out, btr_buffer_view(&text));
        btr_buffer_text(out, ";\n");
    }
    out->failed |= text.failed;
    btr_buffer_fini(&text);
}

int query_export_dot(struct btr_answer *a, bool colour, struct btr_buffer *out, struct btr_err *err)
{
    (void)colour;
    int rc = answer_edges_need(a, err);
    if (rc < 0)
        return rc;
    btr_buffer_text(out, "digraph backtrail {\n  rankdir=LR;\n  node [fontname=\"monospace\"];\n");
    title(out, a);
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        cluster(out, a, i);
    for (uint32_t i = 0; i < a->edge_count && query_drain(a, out); i++) {
        struct answer_edge e = answer_edge_at(a, i);
        edge(out, a, &e);
    }
    btr_buffer_text(out, "}\n");
    return out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as DOT") : 0;
}
