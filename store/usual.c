#include "usual.h"

#include <stdlib.h>

bool store_usual_room(struct store_usual *u, uint32_t programs, uint32_t things, uint32_t rows)
{
    *u = (struct store_usual){
        .programs = malloc(((size_t)programs + 1) * sizeof(*u->programs)),
        .things = malloc(((size_t)things + 1) * sizeof(*u->things)),
        .row_ends = malloc(((size_t)programs + 1) * sizeof(*u->row_ends)),
        .row_things = malloc(((size_t)rows + 1) * sizeof(*u->row_things)),
        .row_counts = malloc(((size_t)rows + 1) * sizeof(*u->row_counts)),
        .program_count = programs,
        .thing_count = things,
        .row_count = rows,
    };
    return u->programs && u->things && u->row_ends && u->row_things && u->row_counts;
}

void store_usual_fini(struct store_usual *u)
{
    free(u->programs);
    free(u->things);
    free(u->row_ends);
    free(u->row_things);
    free(u->row_counts);
    *u = (struct store_usual){0};
}
