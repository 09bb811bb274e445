//! Files and directories at page-cache speed.
