//! The conformance tests: behaviours of asyncio, trio, anyio and others that are ours too.
//!
//! One file a section of the list in `rows.toml`; a test is a row's by its number.

mod section_a_running;
mod section_b_loop;
mod section_c_promises;
mod section_d_tasks;
mod section_e_eager;
mod section_f_gather;
mod section_g_wait;
mod section_h_timeouts;
mod section_i_task_groups;
mod section_j_counters;
mod section_j_locks;
mod section_k_queues;
mod section_l_threads;
mod section_p_cancel_scopes;
mod section_p_scopes;
mod section_q_start;
mod section_r_clock;
mod section_t_iteration;
mod support;
