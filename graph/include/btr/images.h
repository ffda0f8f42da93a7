#ifndef BTR_IMAGES_H
#define BTR_IMAGES_H
/**
 * Edges that tell the programs apart which a process was, one after the other. Running another
 * program takes the memory of the one before away: what that had read does not come to the next
 * but in arguments and environment (docs/LOSS.md, "Content"). Each program of a process is an
 * entity of its own here, but the first, which has the process's id.
 */
#include <btr/strategy.h>

struct btr_images;

/** Whether a process is one entity whatever it runs. */
typedef bool btr_images_whole(void *self, struct btr_id process);

/**
 * @param edges, facts  borrowed  @param whole  NULL: none is
 * @return 0 or BTR_E_NOMEM
 */
int btr_images_new(struct btr_images **out, const struct btr_edges *edges,
                   const struct btr_facts *facts, btr_images_whole *whole, void *self,
                   struct btr_err *err);
void btr_images_free(struct btr_images *images);
/** They live as long as the images. A walk starts from a process as such, its first program, or from one that is whole. */
struct btr_edges btr_images_edges(struct btr_images *images);
/** The process of an entity that these edges told of; any other as it is. */
struct btr_id btr_images_process(const struct btr_images *images, struct btr_id id);

#endif
