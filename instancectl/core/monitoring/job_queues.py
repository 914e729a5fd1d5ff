"""Which queue each of Mastodon's job classes belongs to.

Sidekiq counts what it did by class, people think in queues. From `sidekiq_options` in app/workers of Mastodon
4.6 and 4.7; a class that is in none of these lists counts as `other`.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "other"
MAIL: Final = "ActionMailer::MailDeliveryJob"
"""Every mail; Sidekiq counts it under the wrapped class."""

_BY_PREFIX: Final = (("Scheduler::", "scheduler"), ("Fasp::", "fasp"))

_LISTS: Final = {
    "default": """
        Admin::DistributeAnnouncementNotificationWorker
        Admin::DistributeTermsOfServiceNotificationWorker Admin::EmailSubscriptionsPurgeWorker
        AfterAccountDomainBlockWorker AfterUnallowDomainWorker AuthorizeFollowWorker BlockWorker
        BootstrapTimelineWorker DeleteMuteWorker DistributionWorker DomainBlockWorker
        EmailDistributionWorker FeedInsertWorker FilteredNotificationCleanupWorker
        GenerateAnnualReportWorker LocalNotificationWorker MergeWorker MoveWorker MuteWorker
        PollExpirationNotifyWorker PostProcessMediaWorker PublishAnnouncementReactionWorker
        PublishScheduledAnnouncementWorker PublishScheduledStatusWorker PurgeCustomEmojiWorker
        PushConversationWorker PushUpdateWorker RegenerationWorker RemovalWorker
        RemoveFeaturedTagWorker RemoveFromPublicStatusesIndexWorker TriggerWebhookWorker
        UnfavouriteWorker UnfilterNotificationsWorker UnpublishAnnouncementWorker UnreactWorker
        UpdateLinkCardAttributionWorker VerifyAccountLinksWorker
    """,
    "push": """
        ActivityPub::AccountRawDistributionWorker ActivityPub::CollectionRawDistributionWorker
        ActivityPub::DeliveryWorker ActivityPub::DistributePollUpdateWorker
        ActivityPub::DistributionWorker ActivityPub::FeatureRequestWorker
        ActivityPub::FollowersSynchronizationWorker ActivityPub::MigratedFollowDeliveryWorker
        ActivityPub::MoveDistributionWorker ActivityPub::QuoteRequestWorker
        ActivityPub::RawDistributionWorker ActivityPub::StatusUpdateDistributionWorker
        ActivityPub::UpdateDistributionWorker Web::PushNotificationWorker Webhooks::DeliveryWorker
    """,
    "ingress": """
        ActivityPub::ProcessingWorker
    """,
    "pull": """
        AccountDeletionWorker AccountMergingWorker AccountRefreshWorker
        ActivityPub::FetchAllRepliesWorker ActivityPub::FetchRepliesWorker
        ActivityPub::LowPriorityDeliveryWorker ActivityPub::PostUpgradeWorker
        ActivityPub::ProcessFeaturedItemWorker ActivityPub::QuoteRefreshWorker
        ActivityPub::RefetchAndVerifyQuoteWorker ActivityPub::SynchronizeFeaturedCollectionWorker
        ActivityPub::SynchronizeFeaturedCollectionsCollectionWorker
        ActivityPub::SynchronizeFeaturedTagsCollectionWorker ActivityPub::VerifyFeaturedItemWorker
        AddToPublicStatusesIndexWorker Admin::AccountDeletionWorker Admin::DomainPurgeWorker
        Admin::SuspensionWorker Admin::UnsuspensionWorker BackupWorker BulkImportWorker
        CacheBusterWorker DomainClearMediaWorker FetchReplyWorker Import::RowWorker LinkCrawlWorker
        MentionResolveWorker RedownloadAvatarWorker RedownloadHeaderWorker RedownloadMediaWorker
        RefollowWorker RemoteAccountRefreshWorker ResolveAccountWorker TagUnmergeWorker
        TaggedCollectionResolveWorker ThreadResolveWorker UnfollowFollowWorker UnmergeWorker
    """,
    "mailers": MAIL,
}

_QUEUES: Final = {name: queue for queue, names in _LISTS.items() for name in names.split()}


def queue_of(job_class: str) -> str:
    """The queue of a job class, or `other`."""
    for prefix, queue in _BY_PREFIX:
        if job_class.startswith(prefix):
            return queue
    return _QUEUES.get(job_class, OTHER)
