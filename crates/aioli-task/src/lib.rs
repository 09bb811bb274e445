//! Tasks, the event loop and cancellation whose clean-up may await.
