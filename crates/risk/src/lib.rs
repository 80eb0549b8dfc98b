//! Limits, exposure and risk states; the only mint of approved intents.
